"""Run Flux' real kustomize-controller on a control plane, with a simulated source-controller.

The source-controller needs libraries in C; what the other one sees of it is small: a GitRepository's status,
and an archive at the address in there (https://fluxcd.io/flux/components/source/gitrepositories/#artifact).
"""

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devtools.cluster.connection import apply, connect, merge
from devtools.cluster.control_plane import say
from devtools.cluster.processes import Process, free_ports, running
from devtools.cluster.programs import built
from devtools.emulators.github.git import git
from devtools.emulators.github.repository import Repository
from devtools.emulators.serving import serving

NAMESPACE = "flux-system"
_START_TIMEOUT = 60.0  # seconds; it takes three on an idle machine
_PAUSE = 0.2  # seconds between two checks
_STOP_TIMEOUT = 10.0  # seconds
_SOURCES = f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/gitrepositories"
_REQUESTED = "reconcile.fluxcd.io/requestedAt"


@dataclass(frozen=True, kw_only=True)
class Flux:
    """The running kustomize-controller.

    A test may pause its process. Flux objects belong in `namespace`.
    """

    controller: Process
    namespace: str = NAMESPACE


def find_flux(*, report: Callable[[str], None] = say) -> Path:
    """Return the path of the kustomize-controller; build it if necessary.

    Args:
        report: Called with a line about each slow step.

    Raises:
        ClusterUnavailableError: It cannot be built.
    """
    return built("flux", report=report) / "kustomize-controller"


@contextlib.contextmanager
def running_flux(kubeconfig: Path, *, report: Callable[[str], None] = say) -> Iterator[Flux]:
    """Run the kustomize-controller for as long as the context lasts; objects that it created stay.

    Args:
        kubeconfig: The cluster, as an administrator. Its custom resource definitions must be installed.
        report: Called with a line about each slow step.

    Yields:
        Flux, ready for Kustomizations.

    Raises:
        ClusterUnavailableError: It cannot be built.
        NotReadyError: It ended, or was not ready in time.
    """
    program = find_flux(report=report)
    with connect(kubeconfig) as api:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        where = f"/api/v1/namespaces/{NAMESPACE}"
        apply(api, where, namespace, manager="flux-installation").raise_for_status()
    with tempfile.TemporaryDirectory(prefix="coppice-flux-") as folder:
        health, metrics = free_ports(2)
        environment = {
            "PATH": os.defpath,
            "HOME": folder,
            "TMPDIR": folder,
            "KUBECONFIG": str(kubeconfig),
            "RUNTIME_NAMESPACE": NAMESPACE,
        }
        with running(
            program,
            f"--health-addr=127.0.0.1:{health}",
            f"--metrics-addr=127.0.0.1:{metrics}",
            "--concurrent=1",
            "--requeue-dependency=1s",
            name="kustomize-controller",
            folder=Path(folder),
            environment=environment,
        ) as controller:
            controller.wait_until(lambda: _is_healthy(health), seconds=_START_TIMEOUT)
            yield Flux(controller=controller)


@contextlib.contextmanager
def playing_sources(kubeconfig: Path, *repositories: Repository) -> Iterator[None]:
    """Give the GitRepositories of some repositories their artifacts, for as long as the context lasts.

    Args:
        kubeconfig: The cluster, as an administrator.
        repositories: The repositories; the last two segments of a GitRepository's URL identify one.
    """
    by_name = {each.full_name.lower(): each for each in repositories}

    def archive(request: Request) -> Response:
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        return Response(_archive(by_name[name], request.path_params["commit"]))

    app = Starlette(routes=[Route("/{owner}/{name}/{commit}.tar.gz", archive)])
    stopped = threading.Event()
    with serving(app) as url, connect(kubeconfig) as api:

        def keep_looking() -> None:
            while not stopped.wait(_PAUSE):
                with contextlib.suppress(httpx.HTTPError):  # the next pass tries again
                    for each in api.get(_SOURCES).raise_for_status().json()["items"]:
                        _play(api, url, by_name, each)

        thread = threading.Thread(target=keep_looking, name="sources", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join(_STOP_TIMEOUT)


def _play(
    api: httpx.Client, url: str, repositories: Mapping[str, Repository], source: Mapping[str, Any]
) -> None:
    """Update the status of one GitRepository."""
    metadata, spec, before = source["metadata"], source["spec"], source.get("status") or {}
    name = urlsplit(spec["url"]).path.removesuffix(".git").strip("/").lower()
    repository, ref = repositories[name], spec.get("ref") or {}
    branch = ref.get("branch", repository.default_branch)
    commit = ref.get("commit") or repository.head(branch)
    requested = metadata.get("annotations", {}).get(_REQUESTED, "")
    revision = f"{branch}@sha1:{commit}"
    seen = (before.get("artifact", {}).get("revision"), before.get("lastHandledReconcileAt", ""))
    if seen == (revision, requested) and before.get("observedGeneration") == metadata["generation"]:
        return
    content, now = _archive(repository, str(commit)), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"{name}/{commit}.tar.gz"
    artifact = {
        "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "lastUpdateTime": now,
        "path": path,
        "revision": revision,
        "size": len(content),
        "url": f"{url}/{path}",
    }
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Succeeded",
        "message": f"stored artifact for revision '{revision}'",
        "lastTransitionTime": now,
        "observedGeneration": metadata["generation"],
    }
    status = {
        "artifact": artifact,
        "conditions": [ready],
        "lastHandledReconcileAt": requested,
        "observedGeneration": metadata["generation"],
    }
    merge(api, f"{_SOURCES}/{metadata['name']}/status", {"status": status}).raise_for_status()


def _archive(repository: Repository, commit: str) -> bytes:
    return git(repository.path, "archive", "--format=tar.gz", commit)


def _is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success
    except httpx.TransportError:
        return False
