"""The contract: what the program relies on in a Kubernetes API, held against the emulator and a real one."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.cluster.connection import connect
from devtools.cluster.control_plane import running_cluster
from devtools.cluster.programs import ClusterUnavailableError
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.serving import serving

Apply = Callable[..., httpx.Response]


@pytest.fixture(scope="session", params=["emulator", pytest.param("cluster", marks=pytest.mark.cluster)])
def api(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """Return an API server: the emulator; the cluster that KUBECONFIG_TEST names, or else one of our own."""
    if request.param == "emulator":
        with serving(kubernetes_app()) as url, httpx.Client(base_url=url) as client:
            yield client
    elif named := os.environ.get("KUBECONFIG_TEST"):
        with connect(Path(named)) as client:
            yield client
    else:
        try:
            with running_cluster() as cluster, connect(cluster.kubeconfig) as client:
                yield client
        except ClusterUnavailableError as error:
            pytest.skip(str(error))


@pytest.fixture
def namespace(api: httpx.Client) -> Iterator[str]:
    """Return a namespace of the test's own."""
    name = f"contract-{uuid.uuid4().hex[:8]}"
    api.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def apply(api: httpx.Client) -> Apply:
    """Return server-side apply: `apply(path, object, manager=…, force=…)`."""

    def send(path: str, document: dict[str, Any], manager: str = "coppice", **query: Any) -> httpx.Response:
        return api.patch(
            path,
            params={"fieldManager": manager, **query},
            headers={"Content-Type": "application/apply-patch+yaml"},
            json=document,
        )

    return send
