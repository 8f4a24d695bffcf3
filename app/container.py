"""The program, put together: one set of clients for each identity that it acts as.

Everything is built on first use: importing this file loads no SDK, and a webhook that is answered from a
cold start pays for none.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from github import Github

    from adapters.azure.cluster import ClusterAdapter
    from adapters.azure.identities import IdentityReaderAdapter
    from adapters.github.repository import RepositoryAdapter
    from adapters.kubernetes.client import Api
    from adapters.kubernetes.discovery import Discovery
    from adapters.kubernetes.power_store import OverrideAdapter
    from adapters.kubernetes.record_store import RecordStore
    from adapters.postgres.client import Server
    from adapters.storage.queue import Queue
    from app.reconciler import Reconciler
    from app.settings import Settings
    from coppice.environment.config import EnvironmentConfig
    from coppice.environment.key import Key
    from coppice.lifecycle.observe_branch import Readers
    from provisioning.fence import FenceConfig as Fence
    from scheduler.reconciler import Reconciler as PowerReconciler
    from scheduler.schedule import Schedule

BRANCHES_QUEUE = "branches"
POWER_QUEUE = "power"


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Container:
    """The program, put together from the environment.

    Args:
        environment: app settings by name.
    """

    folder = Path(__file__).resolve().parent.parent
    now = staticmethod(now)

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    @cached_property
    def settings(self) -> "Settings":
        """The settings.

        Raises:
            NotSetUp: some are missing or wrong; the message names each.
        """
        from app.startup import read

        return read(self.environment)

    @cached_property
    def config(self) -> "EnvironmentConfig":
        """What decides about branches."""
        from app.config import environment_config

        return environment_config(self.settings, self.fence)

    @cached_property
    def fence(self) -> "Fence":
        """What the fences of all environments have in common."""
        from app.config import fence

        return fence(self.settings, self.folder)

    @cached_property
    def postgres(self) -> "Server | None":
        """The server of the branches' databases; `None` if they get none."""
        if not self.settings.postgres_server_url:
            return None
        from adapters.postgres.client import Server, entra

        tokens = self.credential(self.settings.provisioning_client_id)
        return Server(self.settings.postgres_server_url, entra(tokens))

    @cached_property
    def queue(self) -> "Queue":
        """The queue of branches' keys."""
        from adapters.storage.queue import Queue

        return Queue(BRANCHES_QUEUE, self.environment)

    @cached_property
    def power_queue(self) -> "Queue":
        """The queue of environments' keys."""
        from adapters.storage.queue import Queue

        return Queue(POWER_QUEUE, self.environment)

    @cached_property
    def repository(self) -> "RepositoryAdapter":
        """The repository on GitHub."""
        from adapters.github.repository import RepositoryAdapter

        return RepositoryAdapter(self.sign_in, self.settings.github_repository)

    def sign_in(self) -> "Github":
        """A client of GitHub's API."""
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
        """What signs in to Azure as the managed identity of a client id, or on a laptop as its user."""
        from app.sign_in import credential

        return credential(self.settings, client_id)

    @cached_property
    def cluster(self) -> "ClusterAdapter":
        """The managed cluster's resource."""
        from adapters.azure.cluster import ClusterAdapter

        settings = self.settings
        return ClusterAdapter(
            self.credential(settings.provisioning_client_id),
            settings.azure_subscription_id,
            settings.azure_resource_manager_url,
            group=settings.aks_resource_group,
            name=settings.aks_cluster_name,
            issuer=settings.aks_oidc_issuer_url,
        )

    @cached_property
    def identities(self) -> "IdentityReaderAdapter":
        """The identities that credentials are spread over; they need no cluster to be looked at."""
        from adapters.azure.identities import IdentityReaderAdapter

        settings = self.settings
        return IdentityReaderAdapter(
            self.credential(settings.provisioning_client_id),
            settings.azure_subscription_id,
            settings.azure_resource_manager_url,
            issuer=self.cluster.issuer,
        )

    def api(self, client_id: str) -> "Api":
        """The API server, as the managed identity of a client id sees it."""
        from app.sign_in import api

        return api(self, client_id)

    @cached_property
    def provisioning_api(self) -> "Api":
        """The API server, as the provisioning identity sees it; it also does all the looking."""
        return self.api(self.settings.provisioning_client_id)

    @cached_property
    def discovery(self) -> "Discovery":
        """The kinds that the cluster knows."""
        from adapters.kubernetes.discovery import Discovery

        return Discovery(self.provisioning_api)

    @cached_property
    def records(self) -> "RecordStore":
        """What is written down in `coppice-system`."""
        from adapters.kubernetes.record_store import RecordStore

        return RecordStore(self.provisioning_api)

    @cached_property
    def readers(self) -> "Readers":
        """All that looks at the world and changes nothing."""
        from app.branches import readers

        return readers(self)

    @cached_property
    def reconciler(self) -> "Reconciler":
        """What reconciles branches."""
        from app.branches import reconciler

        return reconciler(self)

    def enqueue(self, keys: Iterable["Key"]) -> None:
        """Put keys onto the queue, stamped with what led to it.

        Args:
            keys: the branches.
        """
        from coppice.reconciler.message import Stamps

        for key in keys:
            self.queue.put(key.to_message(Stamps.now()))

    @cached_property
    def schedule(self) -> "Schedule | None":
        """The power schedule; `None` if there is none.

        Raises:
            NotSetUp: it has mistakes, or `SCHEDULE_FILE` names no file.
        """
        from app.power import schedule

        settings = self.settings
        return schedule(self.folder, settings.schedule_file, repository=settings.github_repository)

    @cached_property
    def scheduler_api(self) -> "Api":
        """The API server, as the scheduler's identity sees it."""
        return self.api(self.settings.scheduler_client_id)

    @cached_property
    def overrides(self) -> "OverrideAdapter":
        """People's words against the calendar."""
        from adapters.kubernetes.power_store import OverrideAdapter

        return OverrideAdapter(self.scheduler_api)

    @cached_property
    def power(self) -> "PowerReconciler | None":
        """What switches environments; `None` if there is no schedule."""
        from app.power import reconciler

        return reconciler(self)

    def checks(self) -> "Mapping[str, Callable[[], object]]":
        """A cheap question to each outside system, for `health`."""
        from app.health_checks import checks

        return checks(self)


@cache
def container() -> Container:
    """The program of this process, put together from its environment the first time that it is asked for."""
    return Container(os.environ)
