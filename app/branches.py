"""Branches' environments: what looks at them, what makes and removes them."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from adapters.azure.identities import CredentialDeleterAdapter, CredentialWriterAdapter
from adapters.kubernetes.application_reader import ApplicationReaderAdapter
from adapters.kubernetes.application_writer import ApplicationWriterAdapter, CronJobSuspenderAdapter
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
from adapters.postgres.creator import DatabaseWriterAdapter
from adapters.postgres.deleter import DatabaseDropperAdapter
from adapters.postgres.reader import DatabaseReaderAdapter
from app.config import admission_policy, layout
from app.reconciler import Reconciler
from coppice.lifecycle.observe_branch import Observed, Readers
from coppice.manifests.rejection import Rejection
from deprovisioning.executor import Executor as DeprovisioningExecutor
from provisioning.executor import Executor as ProvisioningExecutor
from provisioning.renderer import Desired, render

if TYPE_CHECKING:
    from app.clients import Clients
    from coppice.environment.config import EnvironmentConfig
    from provisioning.fence import FenceConfig


def readers(clients: "Clients", *, asleep_since: Callable[[], datetime | None]) -> Readers:
    """All that looks at the world and changes nothing.

    Args:
        clients: reach the outside.
        asleep_since: since when branch environments should be asleep; `None` if they should be awake.
    """
    return Readers(
        branches=clients.repository,
        records=clients.records,
        namespaces=NamespaceReaderAdapter(clients.provisioning_api),
        identities=clients.identities,
        application=ApplicationReaderAdapter(
            clients.provisioning_api, clients.discovery, SecretProbeAdapter(clients.provisioning_api)
        ),
        databases=DatabaseReaderAdapter(clients.postgres) if clients.postgres else None,
        monitoring=SharedAdapter(clients.provisioning_api),
        asleep_since=asleep_since,
    )


def reconciler(
    clients: "Clients", *, config: "EnvironmentConfig", fence: "FenceConfig", readers: Readers
) -> Reconciler:
    """What reconciles branches.

    Args:
        clients: reach the outside.
        config: what decides about branches.
        fence: what the fences of all environments have in common.
        readers: what looks at the world.
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
            credentials=CredentialWriterAdapter(making, *azure, rate_limiter=rate_limiter),
            surplus=CredentialDeleterAdapter(making, *azure, rate_limiter=rate_limiter),
            application=application,
            objects=application,
            monitoring=SharedAdapter(clients.provisioning_api),
            databases=DatabaseWriterAdapter(clients.postgres) if clients.postgres else None,
        ),
        deprovisioning=DeprovisioningExecutor(
            records=RecordStore(removing_api),
            record_deleter=RecordStore(removing_api),
            namespaces=NamespaceDeleterAdapter(removing_api),
            credentials=CredentialDeleterAdapter(removing, *azure, rate_limiter=rate_limiter),
            cron_jobs=CronJobSuspenderAdapter(removing_api),
            monitoring=SharedAdapter(removing_api),
            databases=DatabaseDropperAdapter(clients.postgres) if clients.postgres else None,
        ),
        locks=Leases(clients.provisioning_api, clients.now),
        now=clients.now,
    )
