"""Branches' environments: what decides about them, what looks at them, what makes and removes them."""

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.arm.identities import CredentialDeleterAdapter, CredentialWriterAdapter, IdentityReaderAdapter
from adapters.kubernetes.application import (
    ApplicationReaderAdapter,
    ApplicationWriterAdapter,
    CronJobSuspenderAdapter,
)
from adapters.kubernetes.books import BookAdapter
from adapters.kubernetes.leases import Leases
from adapters.kubernetes.namespaces import (
    NamespaceDeleterAdapter,
    NamespaceReaderAdapter,
    NamespaceWriterAdapter,
)
from adapters.kustomize.build import Kustomize, find
from branches.naming import Prefixes
from branches.observe import Observed, Readers
from branches.rules import Rules
from deprovisioning.steps import Steps as RemovalSteps
from provisioning.desired import Desired, Layout, desired
from provisioning.guard import Rules as GuardRules
from provisioning.refusal import Refused
from provisioning.steps import Steps as ProvisioningSteps
from reconcile import Reconciler
from settings import Settings

if TYPE_CHECKING:
    from composition.program import Composition

# The settings that decide how an overlay is rendered and judged: if one changes, every overlay is due again.
RENDERING = {
    "allowed_kinds",
    "base_domain",
    "database_prefix",
    "feature_overlay",
    "gateways",
    "key_vault_objects",
    "key_vaults",
    "manifests_path",
    "monitoring_overlay",
    "namespace_labels",
    "namespace_prefix",
    "service_accounts",
    "azure_tenant_id",
}


def rules(settings: Settings) -> Rules:
    """What decides about branches."""
    rendering = settings.model_dump(mode="json", include=RENDERING)
    return Rules(
        repository=settings.github_repository,
        include=settings.branches_include,
        exclude=settings.branches_exclude,
        prefixes=Prefixes(
            namespace=settings.namespace_prefix,
            credential=settings.credential_prefix,
            database=settings.database_prefix,
        ),
        base_domain=settings.base_domain,
        protected=settings.protected_namespaces,
        labels=settings.namespace_labels,
        accounts=settings.accounts,
        pools=settings.identity_pools,
        most=settings.max_environments,
        reapply_after=timedelta(hours=settings.reapply_hours),
        digest=hashlib.sha256(json.dumps(rendering, sort_keys=True).encode()).hexdigest()[:16],
    )


def readers(program: "Composition") -> Readers:
    """All that looks at the world and changes nothing."""
    settings = program.settings
    return Readers(
        branches=program.repository,
        books=program.books,
        namespaces=NamespaceReaderAdapter(program.provisioning_api),
        identities=IdentityReaderAdapter(
            program.credential(settings.provisioning_client_id),
            settings.azure_subscription_id,
            settings.azure_resource_manager_url,
            issuer=program.cluster.issuer,
        ),
        application=ApplicationReaderAdapter(program.provisioning_api, program.discovery),
        asleep_since=program.features_asleep_since,
    )


def reconciler(program: "Composition") -> Reconciler:
    """What reconciles branches."""
    settings = program.settings
    azure = (settings.azure_subscription_id, settings.azure_resource_manager_url)
    making = program.credential(settings.provisioning_client_id)
    removing = program.credential(settings.deprovisioning_client_id)
    removing_api = program.api(settings.deprovisioning_client_id)
    application = ApplicationWriterAdapter(program.provisioning_api, program.discovery)
    overlays = (settings.feature_overlay, settings.monitoring_overlay)
    layout = Layout(
        manifests=settings.manifests_path.rstrip("/"),
        overlays=tuple(f"{settings.manifests_path.rstrip('/')}/{each}" for each in overlays if each),
        tenant=settings.azure_tenant_id,
    )
    builder = Kustomize(lambda: find(program.folder))

    def wish(commit: str, seen: Observed) -> Desired | Refused:
        guard = GuardRules(
            namespace=seen.name.namespace,
            allowed_kinds=frozenset(settings.allowed_kinds),
            hosts=frozenset(seen.name.hosts),
            gateways=frozenset(settings.gateways),
            key_vaults=frozenset(settings.key_vaults),
            key_vault_objects=frozenset(settings.key_vault_objects),
        )
        return desired(
            commit, seen.name, layout=layout, guard=guard, archives=program.repository, builder=builder
        )

    return Reconciler(
        rules=program.rules,
        readers=program.readers,
        desired=wish,
        provisioning=ProvisioningSteps(
            records=program.books,
            requests=program.books,
            namespaces=NamespaceWriterAdapter(program.provisioning_api),
            credentials=CredentialWriterAdapter(making, *azure),
            surplus=CredentialDeleterAdapter(making, *azure),
            application=application,
            objects=application,
        ),
        deprovisioning=RemovalSteps(
            records=BookAdapter(removing_api),
            books=BookAdapter(removing_api),
            namespaces=NamespaceDeleterAdapter(removing_api),
            credentials=CredentialDeleterAdapter(removing, *azure),
            cron_jobs=CronJobSuspenderAdapter(removing_api),
        ),
        locks=Leases(program.provisioning_api, program.now),
        now=program.now,
    )
