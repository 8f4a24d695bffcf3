"""Builds the credentials for Azure and the clients of the API server.

On Azure each part of the program signs in as its own managed identity, on a developer's machine as the user.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from azure.identity import DefaultAzureCredential

from adapters.azure.client import Unsigned
from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_entra, by_kubeconfig, context_of

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from kubernetes.client import Configuration

    from adapters.azure.cluster import ClusterAdapter
    from app.settings import Settings


def credential(settings: "Settings", client_id: str) -> "TokenCredential":
    """Return the credential that signs in to Azure.

    Args:
        settings: the settings. If ARM's URL is plain http, ARM is an emulator and receives no token.
        client_id: the identity's client ID; empty means the app's default identity.

    Returns:
        The credential.
    """
    if settings.azure_resource_manager_url.startswith("http://"):
        return Unsigned()
    return DefaultAzureCredential(managed_identity_client_id=client_id or None)


def api(settings: "Settings", client_id: str, *, cluster: Callable[[], "ClusterAdapter"]) -> Api:
    """Return a client of the API server that acts as an identity.

    Args:
        settings: the settings, which say how the cluster is reached.
        client_id: the identity's client ID.
        cluster: returns the adapter of the cluster's Azure resource. It provides the server's address if no
            kubeconfig is set.

    Returns:
        The client.
    """
    file = settings.kubeconfig
    if file:
        context, user = context_of(file, client_id)
        by_file = partial(by_kubeconfig, file, context=context)
        return Api(by_file(), impersonate=user, rediscover=by_file)
    by_token = partial(_by_token, settings, client_id, cluster)
    return Api(by_token(), rediscover=by_token)


def _by_token(
    settings: "Settings", client_id: str, cluster: Callable[[], "ClusterAdapter"]
) -> "Configuration":
    server, authority = cluster().server()
    return by_entra(server, authority, credential(settings, client_id))
