"""Who the program signs in as: on Azure as a managed identity for each part, on a laptop as its user."""

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
    """What signs in to Azure.

    Args:
        settings: the settings; a plain http address of ARM is an emulator, which is sent no token.
        client_id: the identity's; empty takes the app's default one.
    """
    if settings.azure_resource_manager_url.startswith("http://"):
        return Unsigned()
    return DefaultAzureCredential(managed_identity_client_id=client_id or None)


def api(settings: "Settings", client_id: str, *, cluster: Callable[[], "ClusterAdapter"]) -> Api:
    """The API server, as an identity sees it.

    Args:
        settings: say how the cluster is reached.
        client_id: the identity's.
        cluster: the managed cluster's resource, which is asked for the address if no kubeconfig is set.
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
