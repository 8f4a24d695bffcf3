"""Reaching the API server: through a kubeconfig, or through ARM and an Entra token."""

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

# The application that Entra knows every AKS API server as:
# https://azure.github.io/kubelogin/concepts/aks.html
_SCOPE = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"


def by_kubeconfig(file: str, *, context: str = "") -> Configuration:
    """Reach the cluster that a kubeconfig names.

    Args:
        file: its path.
        context: the context; empty takes the current one.

    Raises:
        NotSetUp: it cannot be read.
    """
    configuration = Configuration()
    with _usable(file):
        load_kube_config(config_file=file, context=context or None, client_configuration=configuration)
    return configuration


def context_of(file: str, client_id: str) -> tuple[str, str]:
    """The context through which a kubeconfig lets a managed identity act.

    Args:
        file: the kubeconfig's path.
        client_id: the identity's.

    Returns:
        The context that bears the client id as its name, empty if there is none; and the user whom its `as`
        says to impersonate, which the `kubernetes` package does not read.

    Raises:
        NotSetUp: it cannot be read.
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
    """Reach an AKS cluster as an Entra identity.

    Args:
        server: the API server's address.
        authority: its certificate authority, PEM in base64.
        tokens: fetches the identity's tokens.
    """
    configuration = Configuration(host=server)
    configuration.ca_cert_data = base64.b64decode(authority).decode()

    def renew(each: Configuration) -> None:
        with translated("fetch a token for the cluster"):
            each.api_key["BearerToken"] = tokens.get_token(_SCOPE).token

    # The client sends a token, and runs the hook, only if one was there to begin with.
    configuration.api_key["BearerToken"] = "to be fetched"
    configuration.api_key_prefix["BearerToken"] = "Bearer"
    configuration.refresh_api_key_hook = renew  # type: ignore[assignment]  # (declared as None)
    return configuration
