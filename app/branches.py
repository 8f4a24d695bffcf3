"""Branches' environments: what decides about them, what looks at them, what makes and removes them."""

from functools import partial
from typing import TYPE_CHECKING

from adapters.azure.identities import CredentialDeleterAdapter, CredentialWriterAdapter
from adapters.kubernetes.application import (
    ApplicationReaderAdapter,
    ApplicationWriterAdapter,
    CronJobSuspenderAdapter,
)
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
from app.power import features_asleep_since
from app.reconciler import Reconciler
from coppice.lifecycle.observe_branch import Observed, Readers
from coppice.manifests.rejection import Rejection
from deprovisioning.executor import Executor as DeprovisioningExecutor
from provisioning.executor import Executor as ProvisioningExecutor
from provisioning.renderer import Desired, render

if TYPE_CHECKING:
    from app.container import Container


def readers(program: "Container") -> Readers:
    """All that looks at the world and changes nothing."""
    return Readers(
        branches=program.repository,
        records=program.records,
        namespaces=NamespaceReaderAdapter(program.provisioning_api),
        identities=program.identities,
        application=ApplicationReaderAdapter(
            program.provisioning_api, program.discovery, SecretProbeAdapter(program.provisioning_api)
        ),
        databases=DatabaseReaderAdapter(program.postgres) if program.postgres else None,
        monitoring=SharedAdapter(program.provisioning_api),
        asleep_since=partial(features_asleep_since, program),
    )


def reconciler(program: "Container") -> Reconciler:
    """What reconciles branches."""
    settings = program.settings
    azure = (settings.azure_subscription_id, settings.azure_resource_manager_url)
    making = program.credential(settings.provisioning_client_id)
    removing = program.credential(settings.deprovisioning_client_id)
    removing_api = program.api(settings.deprovisioning_client_id)
    application = ApplicationWriterAdapter(program.provisioning_api, program.discovery)
    placed, judged_by = layout(settings, program.fence), partial(admission_policy, settings, program.fence)
    builder = Kustomize(lambda: find(program.folder))
    rate_limiter = RateLimiter(program.provisioning_api, program.now)

    def wish(commit: str, observed: Observed) -> Desired | Rejection:
        return render(
            commit,
            observed.key,
            observed.name,
            layout=placed,
            guard=judged_by(observed.name),
            archives=program.repository,
            builder=builder,
        )

    return Reconciler(
        config=program.config,
        readers=program.readers,
        objects=ObjectStatusAdapter(
            program.provisioning_api, program.discovery, SecretProbeAdapter(program.provisioning_api)
        ),
        desired=wish,
        provisioning=ProvisioningExecutor(
            records=program.records,
            requests=program.records,
            namespaces=NamespaceWriterAdapter(program.provisioning_api),
            credentials=CredentialWriterAdapter(making, *azure, rate_limiter=rate_limiter),
            surplus=CredentialDeleterAdapter(making, *azure, rate_limiter=rate_limiter),
            application=application,
            objects=application,
            monitoring=SharedAdapter(program.provisioning_api),
            databases=DatabaseWriterAdapter(program.postgres) if program.postgres else None,
        ),
        deprovisioning=DeprovisioningExecutor(
            records=RecordStore(removing_api),
            record_deleter=RecordStore(removing_api),
            namespaces=NamespaceDeleterAdapter(removing_api),
            credentials=CredentialDeleterAdapter(removing, *azure, rate_limiter=rate_limiter),
            cron_jobs=CronJobSuspenderAdapter(removing_api),
            monitoring=SharedAdapter(removing_api),
            databases=DatabaseDropperAdapter(program.postgres) if program.postgres else None,
        ),
        locks=Leases(program.provisioning_api, program.now),
        now=program.now,
    )
