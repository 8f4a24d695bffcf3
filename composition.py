"""The only place where ports meet adapters, and where the environment and the clock are read.

Everything is built on first use: importing this file loads no SDK, and a webhook that is answered from a
cold start pays for none.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from loop.errors import NotSetUp

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from github import Github

    from adapters.arm.cluster import ClusterAdapter
    from adapters.github.repository import RepositoryAdapter
    from adapters.kubernetes.books import BookAdapter
    from adapters.kubernetes.client import Api
    from adapters.kubernetes.nights import OverrideAdapter
    from adapters.storage.queue import Queue
    from branches.key import Key
    from branches.observe import Readers
    from branches.rules import Rules
    from reconcile import Reconciler
    from scheduler.reconcile import Reconciler as PowerReconciler
    from scheduler.schedule import Schedule
    from settings import Settings

BRANCHES_QUEUE = "branches"
POWER_QUEUE = "power"
_SCHEDULE = "schedule.yaml"
_log = logging.getLogger("coppice")
_ROOT = Path(__file__).resolve().parent
_RENDERING = {
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


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Composition:
    """The program, put together from the environment.

    Args:
        environment: app settings by name.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    @cached_property
    def settings(self) -> "Settings":
        """The settings.

        Raises:
            NotSetUp: some are missing or wrong; the message names each.
        """
        from settings import SettingsError, load

        try:
            settings = load(self._environment)
        except SettingsError as error:
            raise NotSetUp(str(error)) from None
        cluster = f"{settings.aks_resource_group}/{settings.aks_cluster_name}"
        reached = f"through {settings.kubeconfig}" if settings.kubeconfig else "through Azure"
        _log.info("looking after %s on cluster %s, %s", settings.github_repository, cluster, reached)
        return settings

    @cached_property
    def rules(self) -> "Rules":
        """What decides about branches."""
        from branches.naming import Prefixes
        from branches.rules import Rules

        settings = self.settings
        rendering = settings.model_dump(mode="json", include=_RENDERING)
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

    @cached_property
    def queue(self) -> "Queue":
        """The queue of branches' keys."""
        from adapters.storage.queue import Queue

        return Queue(BRANCHES_QUEUE, self._environment)

    @cached_property
    def power_queue(self) -> "Queue":
        """The queue of environments' keys."""
        from adapters.storage.queue import Queue

        return Queue(POWER_QUEUE, self._environment)

    @cached_property
    def repository(self) -> "RepositoryAdapter":
        """The repository on GitHub."""
        from adapters.github.repository import RepositoryAdapter

        return RepositoryAdapter(self._sign_in, self.settings.github_repository)

    def _sign_in(self) -> "Github":
        from adapters.github.client import client

        settings = self.settings
        return client(
            url=settings.github_api_url,
            token=settings.github_token,
            app_id=settings.github_app_id,
            installation_id=settings.github_app_installation_id,
            private_key=settings.github_app_private_key,
        )

    def credential(self, client_id: str) -> "TokenCredential":
        """What signs in to Azure as a managed identity, or as whoever is signed in on a laptop.

        Args:
            client_id: the identity's; empty takes the app's default one.
        """
        if self.settings.azure_resource_manager_url.startswith("http://"):
            from adapters.arm.client import Unsigned

            return Unsigned()
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential(managed_identity_client_id=client_id or None)

    @cached_property
    def cluster(self) -> "ClusterAdapter":
        """The managed cluster's resource."""
        from adapters.arm.cluster import ClusterAdapter

        settings = self.settings
        return ClusterAdapter(
            self.credential(settings.provisioning_client_id),
            settings.azure_subscription_id,
            settings.azure_resource_manager_url,
            group=settings.aks_resource_group,
            name=settings.aks_cluster_name,
            issuer=settings.aks_oidc_issuer_url,
        )

    def api(self, client_id: str) -> "Api":
        """The API server, as a managed identity sees it.

        Args:
            client_id: the identity's.
        """
        from adapters.kubernetes.client import Api
        from adapters.kubernetes.connect import by_entra, by_kubeconfig, context_of

        file = self.settings.kubeconfig
        if file:
            context, user = context_of(file, client_id)
            return Api(by_kubeconfig(file, context=context), impersonate=user)
        server, authority = self.cluster.server()
        return Api(by_entra(server, authority, self.credential(client_id)))

    @cached_property
    def provisioning_api(self) -> "Api":
        """The API server, as the provisioning identity sees it; it also does all the looking."""
        return self.api(self.settings.provisioning_client_id)

    @cached_property
    def books(self) -> "BookAdapter":
        """What is written down in `coppice-system`."""
        from adapters.kubernetes.books import BookAdapter

        return BookAdapter(self.provisioning_api)

    @cached_property
    def readers(self) -> "Readers":
        """All that looks at the world and changes nothing."""
        from adapters.arm.identities import IdentityReaderAdapter
        from adapters.kubernetes.application import ApplicationReaderAdapter
        from adapters.kubernetes.discovery import Discovery
        from adapters.kubernetes.namespaces import NamespaceReaderAdapter
        from branches.observe import Readers

        settings = self.settings
        return Readers(
            branches=self.repository,
            books=self.books,
            namespaces=NamespaceReaderAdapter(self.provisioning_api),
            identities=IdentityReaderAdapter(
                self.credential(settings.provisioning_client_id),
                settings.azure_subscription_id,
                settings.azure_resource_manager_url,
                issuer=self.cluster.issuer,
            ),
            application=ApplicationReaderAdapter(self.provisioning_api, Discovery(self.provisioning_api)),
            asleep_since=self.features_asleep_since,
        )

    @cached_property
    def reconciler(self) -> "Reconciler":
        """What reconciles branches."""
        from adapters.arm.identities import CredentialDeleterAdapter, CredentialWriterAdapter
        from adapters.kubernetes.application import ApplicationWriterAdapter, CronJobSuspenderAdapter
        from adapters.kubernetes.books import BookAdapter
        from adapters.kubernetes.discovery import Discovery
        from adapters.kubernetes.leases import Leases
        from adapters.kubernetes.namespaces import NamespaceDeleterAdapter, NamespaceWriterAdapter
        from adapters.kustomize.build import Kustomize, find
        from branches.observe import Observed
        from deprovisioning.steps import Steps as RemovalSteps
        from provisioning.desired import Desired, Layout, desired
        from provisioning.guard import Rules as GuardRules
        from provisioning.refusal import Refused
        from provisioning.steps import Steps as ProvisioningSteps
        from reconcile import Reconciler

        settings = self.settings
        azure = (settings.azure_subscription_id, settings.azure_resource_manager_url)
        making = self.credential(settings.provisioning_client_id)
        removing = self.credential(settings.deprovisioning_client_id)
        removing_api = self.api(settings.deprovisioning_client_id)
        application = ApplicationWriterAdapter(self.provisioning_api, Discovery(self.provisioning_api))
        overlays = (settings.feature_overlay, settings.monitoring_overlay)
        layout = Layout(
            manifests=settings.manifests_path.rstrip("/"),
            overlays=tuple(f"{settings.manifests_path.rstrip('/')}/{each}" for each in overlays if each),
            tenant=settings.azure_tenant_id,
        )
        builder = Kustomize(lambda: find(_ROOT))

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
                commit, seen.name, layout=layout, guard=guard, archives=self.repository, builder=builder
            )

        return Reconciler(
            rules=self.rules,
            readers=self.readers,
            desired=wish,
            provisioning=ProvisioningSteps(
                records=self.books,
                requests=self.books,
                namespaces=NamespaceWriterAdapter(self.provisioning_api),
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
            locks=Leases(self.provisioning_api, now),
            now=now,
        )

    def enqueue(self, keys: Iterable["Key"]) -> None:
        """Put keys onto the queue.

        Args:
            keys: the branches.
        """
        for key in keys:
            self.queue.put(key.to_message())

    @cached_property
    def schedule(self) -> "Schedule | None":
        """The power schedule; `None` if there is none.

        Raises:
            NotSetUp: it has mistakes, or `SCHEDULE_FILE` names no file.
        """
        from scheduler.load import ScheduleError, load

        file = _ROOT / (self.settings.schedule_file or _SCHEDULE)
        if not file.is_file():
            if self.settings.schedule_file:
                raise NotSetUp(f"SCHEDULE_FILE names {file}, and there is no such file")
            return None
        try:
            return load(file.read_text(encoding="utf-8"), name=file.name)
        except (ScheduleError, UnicodeDecodeError) as error:
            raise NotSetUp(
                f"the schedule has mistakes, and until they are mended nothing is switched:\n{error}"
            ) from None

    @cached_property
    def scheduler_api(self) -> "Api":
        """The API server, as the scheduler's identity sees it."""
        return self.api(self.settings.scheduler_client_id)

    @cached_property
    def overrides(self) -> "OverrideAdapter":
        """People's words against the calendar."""
        from adapters.kubernetes.nights import OverrideAdapter

        return OverrideAdapter(self.scheduler_api)

    @cached_property
    def power(self) -> "PowerReconciler | None":
        """What switches environments; `None` if there is no schedule."""
        from adapters.arm.pools import PoolAdapter
        from adapters.github.flags import FlagAdapter
        from adapters.kubernetes.leases import Leases
        from adapters.kubernetes.machines import MachineAdapter
        from adapters.kubernetes.nights import LedgerAdapter
        from adapters.kubernetes.syncs import SyncAdapter
        from scheduler.observe import Readers
        from scheduler.reconcile import Reconciler as PowerReconciler
        from scheduler.steps import Steps

        if self.schedule is None:
            return None
        settings = self.settings
        pools = PoolAdapter(
            self.credential(settings.scheduler_client_id),
            settings.azure_subscription_id,
            settings.azure_resource_manager_url,
            group=settings.aks_resource_group,
            name=settings.aks_cluster_name,
        )
        git, syncs, ledgers = (
            FlagAdapter(self._sign_in),
            SyncAdapter(self.scheduler_api, now),
            LedgerAdapter(self.scheduler_api),
        )
        return PowerReconciler(
            schedule=self.schedule,
            repository=settings.github_repository,
            readers=Readers(
                repositories=git,
                syncs=syncs,
                pools=pools,
                cluster=MachineAdapter(self.scheduler_api),
                ledgers=ledgers,
                overrides=self.overrides,
            ),
            steps=Steps(committer=git, refresher=syncs, pools=pools, ledgers=ledgers),
            locks=Leases(self.scheduler_api, now),
            now=now,
        )

    def features_asleep_since(self) -> datetime | None:
        """Since when branch environments should be asleep; `None` if they should be awake."""
        from scheduler.calendar import level

        if self.schedule is None or self.schedule.environments.features is None:
            return None
        said = level(self.schedule, "features", self.overrides.overrides(), now())
        return None if said.awake else said.since

    def checks(self) -> "Mapping[str, Callable[[], object]]":
        """A cheap question to each outside system, for `health`."""
        from adapters.kubernetes.notes import check_system
        from adapters.kustomize.build import find

        settings = self.settings
        return {
            "github": self.repository.default_branch,
            "cluster": lambda: check_system(self.provisioning_api),
            "azure": lambda: [
                self.readers.identities.identity(ref)
                for pool in settings.identity_pools.values()
                for ref in pool
            ],
            "queue": self.queue.length,
            "kustomize": lambda: find(_ROOT),
        }


@cache
def composed() -> Composition:
    """The program of this process, put together from its environment the first time that it is asked for."""
    return Composition(os.environ)
