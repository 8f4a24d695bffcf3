"""Configurations to reach the API server with: from a kubeconfig, or from ARM with an Entra token."""

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import yaml
from azure.core.credentials import TokenCredential
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config
from kubernetes.config.config_exception import ConfigException

from adapters.azure.client import translated
from adapters.unreadable import UNREADABLE
from coppice.reconciler.errors import NotSetUp

# The application id of every AKS API server in Entra:
# https://azure.github.io/kubelogin/concepts/aks.html
_SCOPE = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"


def by_kubeconfig(file: str, *, context: str = "") -> Configuration:
    """Build a configuration from a kubeconfig.

    Args:
        file: its path.
        context: the context; empty for the current one.

    Returns:
        The configuration.

    Raises:
        NotSetUp: the kubeconfig cannot be used.
    """
    configuration = Configuration()
    with _usable(file):
        load_kube_config(config_file=file, context=context or None, client_configuration=configuration)
    return configuration


def context_of(file: str, client_id: str) -> tuple[str, str]:
    """Find the context of a kubeconfig that a managed identity acts through.

    Args:
        file: the kubeconfig's path.
        client_id: the identity's client id.

    Returns:
        The name of the context, which is the client id, or empty if there is no such context; and the user
        that its `as` field names, which the `kubernetes` package ignores.

    Raises:
        NotSetUp: the kubeconfig cannot be used.
    """
    with _usable(file):
        document = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        contexts = {each["name"]: each["context"] for each in document.get("contexts") or ()}
        users = {each["name"]: each.get("user") or {} for each in document.get("users") or ()}
        name = client_id if client_id in contexts else ""
        context = contexts.get(name or document.get("current-context", ""), {})
        return name, str(users.get(context.get("user"), {}).get("as", ""))


@contextlib.contextmanager
def _usable(file: str) -> Iterator[None]:
    try:
        yield
    except (ConfigException, OSError, yaml.YAMLError, *UNREADABLE) as error:
        raise NotSetUp(f"KUBECONFIG names {file!r}, which cannot be used: {error}") from error


def by_entra(server: str, authority: str, tokens: TokenCredential) -> Configuration:
    """Build a configuration to reach an AKS cluster as an Entra identity.

    Args:
        server: the API server's address.
        authority: its certificate authority, PEM in base64.
        tokens: fetches the identity's tokens.

    Returns:
        The configuration.
    """
    configuration = Configuration(host=server)
    configuration.ca_cert_data = base64.b64decode(authority).decode()

    def renew(each: Configuration) -> None:
        with translated("fetch a token for the cluster"):
            each.api_key["BearerToken"] = tokens.get_token(_SCOPE).token

    # The client sends a token, and runs the hook, only if there was a token to begin with.
    configuration.api_key["BearerToken"] = "to be fetched"
    configuration.api_key_prefix["BearerToken"] = "Bearer"
    configuration.refresh_api_key_hook = renew  # type: ignore[assignment]  # (declared as None)
    return configuration
