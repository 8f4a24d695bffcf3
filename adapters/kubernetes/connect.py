"""Reaching the API server: through a kubeconfig, or through ARM and an Entra token."""

import base64

import yaml
from azure.core.credentials import TokenCredential
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config
from kubernetes.config.config_exception import ConfigException

from adapters.arm.client import translated
from adapters.unreadable import UNREADABLE
from loop.errors import NotSetUp

# The application that Entra knows every AKS API server as:
# https://azure.github.io/kubelogin/concepts/aks.html
_SCOPE = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"


def by_kubeconfig(file: str) -> Configuration:
    """Reach the cluster that a kubeconfig names.

    Args:
        file: its path.

    Raises:
        NotSetUp: it cannot be read.
    """
    configuration = Configuration()
    try:
        load_kube_config(config_file=file, client_configuration=configuration)
    except (ConfigException, OSError, yaml.YAMLError, *UNREADABLE) as error:
        raise NotSetUp(f"KUBECONFIG names {file!r}, which cannot be used: {error}") from error
    return configuration


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
