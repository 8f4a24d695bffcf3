"""Builds the readers, executors and reconciler of branch environments."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from adapters.azure.identities import CredentialDeleterAdapter, CredentialWriterAdapter
from adapters.kubernetes.application_reader import ApplicationReaderAdapter
from adapters.kubernetes.application_writer import ApplicationWriterAdapter, CronJobSuspenderAdapter
from adapters.kubernetes.client import Api
from adapters.kubernetes.leases import Leases
from adapters.kubernetes.monitoring_configmaps import SharedAdapter
from adapters.kubernetes.namespaces import (
    NamespaceDeleterAdapter,
    NamespaceReaderAdapter,
    NamespaceWriterAdapter,
)
from adapters.kubernetes.object_status import ObjectStatusAdapter
from adapters.kubernetes.rate_limiter import RateLimiter
from adapters.kubernetes.record_store import RecordStore
from adapters.kubernetes.secret_probe import SecretProbeAdapter
from adapters.kustomize.build import Kustomize, find
from adapters.passwords import new_password
from adapters.postgres.creator import DatabaseWriterAdapter
from adapters.postgres.deleter import DatabaseDropperAdapter
from adapters.postgres.reader import DatabaseReaderAdapter
from app.config import admission_policy, layout
from app.reconciler import Reconciler
from coppice.components.branch_database import DATABASES
from coppice.components.database_handlers import DatabaseMaker, DatabaseRemover
from coppice.components.handlers import DeprovisioningHandler, ProvisioningHandler
from coppice.components.identity_handlers import CredentialMaker, CredentialRemover
from coppice.components.monitoring.component import SHARED, MonitoringHandler
from coppice.components.monitoring.former_names import PresentMarks
from coppice.components.observed import Observed, Readers
from coppice.components.slots import Slots
from coppice.environment.config import EnvironmentConfig
from coppice.manifests.rejection import Rejection
from deprovisioning.executor import Executor as DeprovisioningExecutor
from provisioning.executor import Executor as ProvisioningExecutor
from provisioning.renderer import Desired, render

if TYPE_CHECKING:
    from adapters.postgres.client import Server
    from app.clients import Clients
    from provisioning.fence import FenceConfig


def readers(clients: "Clients", *, asleep_since: Callable[[], datetime | None]) -> Readers:
    """Build the readers of all outside systems. They change nothing.

    Args:
        clients: the clients of the outside systems.
        asleep_since: returns since when branch environments should be asleep; `None` if they should be awake.

    Returns:
        The readers.
    """
    return Readers(
        branches=clients.repository,
        records=clients.records,
        namespaces=NamespaceReaderAdapter(clients.provisioning_api),
        identities=clients.identities,
        application=ApplicationReaderAdapter(
            clients.provisioning_api, clients.discovery, SecretProbeAdapter(clients.provisioning_api)
        ),
        components=Slots()
        .put(DATABASES, DatabaseReaderAdapter(clients.postgres) if clients.postgres else None)
        .put(SHARED, SharedAdapter(clients.provisioning_api)),
        asleep_since=asleep_since,
    )


def reconciler(
    clients: "Clients", *, config: "EnvironmentConfig", fence: "FenceConfig", readers: Readers
) -> Reconciler:
    """Build the reconciler of branch environments.

    Args:
        clients: the clients of the outside systems.
        config: the configuration of environments.
        fence: the configuration that the fences of all environments share.
        readers: the readers of all outside systems.

    Returns:
        The reconciler.
    """
    settings = clients.settings
    azure = (settings.azure_subscription_id, settings.azure_resource_manager_url)
    making = clients.credential(settings.provisioning_client_id)
    removing = clients.credential(settings.deprovisioning_client_id)
    removing_api = clients.api(settings.deprovisioning_client_id)
    application = ApplicationWriterAdapter(clients.provisioning_api, clients.discovery)
    placed, judged_by = layout(settings, fence), partial(admission_policy, settings, fence)
    builder = Kustomize(lambda: find(clients.folder))
    rate_limiter = RateLimiter(clients.provisioning_api, clients.now)

    def wish(commit: str, observed: Observed) -> Desired | Rejection:
        return render(
            commit,
            observed.key,
            observed.name,
            layout=placed,
            guard=judged_by(observed.name),
            archives=clients.repository,
            builder=builder,
        )

    return Reconciler(
        config=config,
        readers=readers,
        objects=ObjectStatusAdapter(
            clients.provisioning_api, clients.discovery, SecretProbeAdapter(clients.provisioning_api)
        ),
        desired=wish,
        provisioning=ProvisioningExecutor(
            records=clients.records,
            requests=clients.records,
            namespaces=NamespaceWriterAdapter(clients.provisioning_api),
            application=application,
            objects=application,
            handlers=(
                CredentialMaker(
                    credentials=CredentialWriterAdapter(making, *azure, rate_limiter=rate_limiter),
                    extra=CredentialDeleterAdapter(making, *azure, rate_limiter=rate_limiter),
                ),
                *_making(config, clients.provisioning_api, clients.postgres, application),
            ),
        ),
        deprovisioning=DeprovisioningExecutor(
            records=RecordStore(removing_api),
            record_deleter=RecordStore(removing_api),
            namespaces=NamespaceDeleterAdapter(removing_api),
            cron_jobs=CronJobSuspenderAdapter(removing_api),
            handlers=(
                CredentialRemover(CredentialDeleterAdapter(removing, *azure, rate_limiter=rate_limiter)),
                *_removing(config, removing_api, clients.postgres),
            ),
        ),
        locks=Leases(clients.provisioning_api, clients.now),
        now=clients.now,
    )


def _making(
    config: EnvironmentConfig, api: Api, server: "Server | None", application: ApplicationWriterAdapter
) -> tuple[ProvisioningHandler, ...]:
    """Build the handlers that provisioning uses for monitoring and, with a server, for databases."""
    monitoring = MonitoringHandler(PresentMarks(SharedAdapter(api), config))
    if server is None:
        return (monitoring,)
    databases = DatabaseWriterAdapter(server)
    return (
        DatabaseMaker(databases=databases, application=application, passwords=new_password),
        monitoring,
    )


def _removing(
    config: EnvironmentConfig, api: Api, server: "Server | None"
) -> tuple[DeprovisioningHandler, ...]:
    """Build the handlers that deprovisioning uses for monitoring and, with a server, for databases."""
    monitoring = MonitoringHandler(PresentMarks(SharedAdapter(api), config))
    return (monitoring,) if server is None else (DatabaseRemover(DatabaseDropperAdapter(server)), monitoring)
