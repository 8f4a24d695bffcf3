"""The settings, the clock, and one client for each outside system and identity.

Each client is built on first use. Importing this module loads no SDK, so a webhook that arrives during a cold
start does not wait for one.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from adapters.azure.cluster import ClusterAdapter
    from adapters.azure.identities import IdentityReaderAdapter
    from adapters.github.connections import Connections
    from adapters.github.repository import RepositoryAdapter
    from adapters.kubernetes.client import Api
    from adapters.kubernetes.discovery import Discovery
    from adapters.kubernetes.power_store import OverrideAdapter
    from adapters.kubernetes.record_store import RecordStore
    from adapters.postgres.client import Server
    from adapters.storage.queue import Queue
    from app.settings import Settings
    from coppice.environment.key import Key

BRANCHES_QUEUE = "branches"
POWER_QUEUE = "power"


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class Clients:
    """The settings, the clock, and the clients that the settings describe.

    Args:
        environment: app settings by name.

    Attributes:
        folder: the app's folder; paths in settings are relative to it.
        now: the clock.
    """

    folder = Path(__file__).resolve().parent.parent
    now = staticmethod(now)

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    @cached_property
    def settings(self) -> "Settings":
        """The settings.

        Raises:
            NotSetUp: settings are missing or wrong; the message names each.
        """
        from app.startup import read

        return read(self.environment)

    @cached_property
    def queue(self) -> "Queue":
        """The queue of branches' keys."""
        from adapters.storage.queue import Queue

        return Queue(BRANCHES_QUEUE, self.environment)

    @cached_property
    def power_queue(self) -> "Queue":
        """The queue of the keys of the power schedule's environments."""
        from adapters.storage.queue import Queue

        return Queue(POWER_QUEUE, self.environment)

    def enqueue(self, keys: Iterable["Key"]) -> None:
        """Queue the keys of branches, each with the current correlation ID.

        Args:
            keys: the keys.
        """
        from coppice.reconciler.message import Stamps

        for key in keys:
            self.queue.put(key.to_message(Stamps.now()))

    @cached_property
    def repository(self) -> "RepositoryAdapter":
        """The repository on GitHub."""
        from adapters.github.repository import RepositoryAdapter

        return RepositoryAdapter(self.github, self.settings.github_repository)

    @cached_property
    def github(self) -> "Connections":
        """The connections to GitHub."""
        from adapters.github.connections import Connections

        settings = self.settings
        return Connections(
            url=settings.github_api_url,
            token=settings.github_token,
            app_id=settings.github_app_id,
            installation_id=settings.github_app_installation_id,
            private_key=settings.github_app_private_key,
        )

    def credential(self, client_id: str) -> "TokenCredential":
        """Return the credential for Azure: a managed identity's, or on a developer's machine the user's."""
        from app.sign_in import credential

        return credential(self.settings, client_id)

    @cached_property
    def cluster(self) -> "ClusterAdapter":
        """The Azure resource of the managed cluster."""
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
        """The reader of the managed identities in the pools. Reading them does not need the cluster."""
        from adapters.azure.identities import IdentityReaderAdapter

        settings = self.settings
        return IdentityReaderAdapter(
            self.credential(settings.provisioning_client_id),
            settings.azure_subscription_id,
            settings.azure_resource_manager_url,
            issuer=self.cluster.issuer,
        )

    def api(self, client_id: str) -> "Api":
        """Return a client of the API server that acts as the managed identity with this client ID."""
        from app.sign_in import api

        return api(self.settings, client_id, cluster=lambda: self.cluster)

    @cached_property
    def provisioning_api(self) -> "Api":
        """The API server's client that acts as the provisioning identity. Branches are read with it too."""
        return self.api(self.settings.provisioning_client_id)

    @cached_property
    def scheduler_api(self) -> "Api":
        """The API server's client that acts as the scheduler's identity."""
        return self.api(self.settings.scheduler_client_id)

    @cached_property
    def discovery(self) -> "Discovery":
        """The discovery of the kinds that the API server serves."""
        from adapters.kubernetes.discovery import Discovery

        return Discovery(self.provisioning_api)

    @cached_property
    def records(self) -> "RecordStore":
        """The store of records and requests in the namespace `coppice-system`."""
        from adapters.kubernetes.record_store import RecordStore

        return RecordStore(self.provisioning_api)

    @cached_property
    def overrides(self) -> "OverrideAdapter":
        """The store of overrides, which are people's exceptions from the power schedule."""
        from adapters.kubernetes.power_store import OverrideAdapter

        return OverrideAdapter(self.scheduler_api)

    @cached_property
    def postgres(self) -> "Server | None":
        """The server of the branches' databases; `None` if branches get no database."""
        settings = self.settings
        if not settings.postgres_server_url:
            return None
        from adapters.postgres.client import Server, entra

        tokens = self.credential(settings.provisioning_client_id)
        return Server(settings.postgres_server_url, entra(tokens), template=settings.database_template)
