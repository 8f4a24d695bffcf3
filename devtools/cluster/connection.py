"""Talk to a cluster in its own terms: paths, JSON and status codes, with nothing in between."""

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from kubernetes import client, config


def connect(kubeconfig: Path) -> httpx.Client:
    """Return a client for the current context of a kubeconfig; tokens and client certificates are supported.

    To act as another user, send the header `Impersonate-User`.

    Args:
        kubeconfig: The kubeconfig file.

    Returns:
        The client, whose base URL is that of the server. Close it after use.
    """
    settings = client.Configuration()
    # type-ignore: the package has types for its generated code, but not for its handwritten code
    config.load_kube_config(str(kubeconfig), client_configuration=settings)
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    if not settings.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    token = settings.api_key.get("BearerToken")  # begins with "Bearer "
    return httpx.Client(
        base_url=settings.host,
        verify=context,
        headers={"Authorization": token} if token else None,
        timeout=30,
        trust_env=False,
    )


def merge(api: httpx.Client, path: str, body: Mapping[str, Any]) -> httpx.Response:
    """Merge a patch into an object.

    Args:
        api: The cluster.
        path: The object's path.
        body: The merge patch.

    Returns:
        The server's response.
    """
    return api.patch(path, content=json.dumps(body), headers={"Content-Type": "application/merge-patch+json"})


def apply(api: httpx.Client, path: str, manifest: Mapping[str, Any], *, manager: str) -> httpx.Response:
    """Apply an object with server-side apply, and with force.

    Args:
        api: The cluster.
        path: The object's path.
        manifest: The manifest, with kind and name.
        manager: The field manager.

    Returns:
        The server's response.
    """
    return api.patch(
        path,
        params={"fieldManager": manager, "force": "true"},
        content=json.dumps(manifest),  # JSON is YAML
        headers={"Content-Type": "application/apply-patch+yaml"},
    )
