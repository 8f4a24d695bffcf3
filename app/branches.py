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
from adapters.kubernetes.object_status import SightingReaderAdapter
from adapters.kubernetes.rate_limiter import Turns
from adapters.kubernetes.record_store import BookAdapter
from adapters.kustomize.build import Kustomize, find
from adapters.postgres.creator import DatabaseWriterAdapter
from adapters.postgres.deleter import DatabaseDropperAdapter
from adapters.postgres.reader import DatabaseReaderAdapter
from app.config import guard, layout
from app.power import features_asleep_since
from app.reconciler import Reconciler
from coppice.lifecycle.observe_branch import Observed, Readers
from coppice.manifests.rejection import Refused
from deprovisioning.executor import Steps as DeprovisioningExecutor
from provisioning.executor import Steps as ProvisioningExecutor
from provisioning.renderer import Desired, desired

if TYPE_CHECKING:
    from app.container import Composition


def readers(program: "Composition") -> Readers:
    """All that looks at the world and changes nothing."""
    return Readers(
        branches=program.repository,
        books=program.books,
        namespaces=NamespaceReaderAdapter(program.provisioning_api),
        identities=program.identities,
        application=ApplicationReaderAdapter(program.provisioning_api, program.discovery),
        databases=DatabaseReaderAdapter(program.postgres) if program.postgres else None,
        monitoring=SharedAdapter(program.provisioning_api),
        asleep_since=partial(features_asleep_since, program),
    )


def reconciler(program: "Composition") -> Reconciler:
    """What reconciles branches."""
    settings = program.settings
    azure = (settings.azure_subscription_id, settings.azure_resource_manager_url)
    making = program.credential(settings.provisioning_client_id)
    removing = program.credential(settings.deprovisioning_client_id)
    removing_api = program.api(settings.deprovisioning_client_id)
    application = ApplicationWriterAdapter(program.provisioning_api, program.discovery)
    placed, judged_by = layout(settings, program.fence), partial(guard, settings, program.fence)
    builder = Kustomize(lambda: find(program.folder))
    turns = Turns(program.provisioning_api, program.now)

    def wish(commit: str, seen: Observed) -> Desired | Refused:
        return desired(
            commit,
            seen.key,
            seen.name,
            layout=placed,
            guard=judged_by(seen.name),
            archives=program.repository,
            builder=builder,
        )

    return Reconciler(
        rules=program.rules,
        readers=program.readers,
        objects=SightingReaderAdapter(program.provisioning_api, program.discovery),
        desired=wish,
        provisioning=ProvisioningExecutor(
            records=program.books,
            requests=program.books,
            namespaces=NamespaceWriterAdapter(program.provisioning_api),
            credentials=CredentialWriterAdapter(making, *azure, turns=turns),
            surplus=CredentialDeleterAdapter(making, *azure, turns=turns),
            application=application,
            objects=application,
            monitoring=SharedAdapter(program.provisioning_api),
            databases=DatabaseWriterAdapter(program.postgres) if program.postgres else None,
        ),
        deprovisioning=DeprovisioningExecutor(
            records=BookAdapter(removing_api),
            record_deleter=BookAdapter(removing_api),
            namespaces=NamespaceDeleterAdapter(removing_api),
            credentials=CredentialDeleterAdapter(removing, *azure, turns=turns),
            cron_jobs=CronJobSuspenderAdapter(removing_api),
            monitoring=SharedAdapter(removing_api),
            databases=DatabaseDropperAdapter(program.postgres) if program.postgres else None,
        ),
        locks=Leases(program.provisioning_api, program.now),
        now=program.now,
    )
