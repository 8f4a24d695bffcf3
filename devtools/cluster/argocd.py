"""Run the real Argo CD on a control plane: its application controller, its repo server, and a Redis.

It deploys a commit with its real delays, which an emulator only imitates. Its server and its ApplicationSet
controller are left out, because nobody uses its pages and the tests create the Applications.
"""

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from devtools.cluster.connection import apply, connect
from devtools.cluster.control_plane import say
from devtools.cluster.processes import Process, free_ports, running
from devtools.cluster.programs import ClusterUnavailableError, built

NAMESPACE = "argocd"
_START_TIMEOUT = 60.0  # seconds; it takes five on an idle machine
_MAPS = (
    "argocd-cm",
    "argocd-gpg-keys-cm",
    "argocd-rbac-cm",
    "argocd-ssh-known-hosts-cm",
    "argocd-tls-certs-cm",
)


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The path of each program."""

    argocd: Path
    kustomize: Path
    redis: Path


@dataclass(frozen=True, kw_only=True)
class ArgoCD:
    """The two running parts of Argo CD.

    A test may pause their processes. Applications belong in `namespace`.
    """

    controller: Process
    repo_server: Process
    namespace: str = NAMESPACE


def find_argocd(*, report: Callable[[str], None] = say) -> Programs:
    """Return the paths of Argo CD's programs; build them if necessary.

    Args:
        report: Called with a line about each slow step.

    Raises:
        ClusterUnavailableError: A program is missing; the message says how to get it.
    """
    redis = shutil.which("redis-server")
    if redis is None:
        raise ClusterUnavailableError("Argo CD needs Redis: apt-get install redis-server")
    return Programs(
        # One binary contains every part of Argo CD; Go names it after its package.
        argocd=built("argocd", report=report) / "cmd",
        kustomize=built("kustomize", report=report) / "kustomize",
        redis=Path(redis),
    )


@contextlib.contextmanager
def running_argocd(kubeconfig: Path, *, report: Callable[[str], None] = say) -> Iterator[ArgoCD]:
    """Run Argo CD for as long as the context lasts; objects that it created stay.

    It can read repositories of this machine: `repoURL: file:///…`. The application controller serves metrics
    on all interfaces, which none of its flags can change.

    Args:
        kubeconfig: The cluster, as an administrator. Its custom resource definitions must be installed.
        report: Called with a line about each slow step.

    Yields:
        Argo CD, ready for Applications.

    Raises:
        ClusterUnavailableError: Its programs are not available.
        NotReadyError: A part ended, or was not ready in time.
    """
    programs = find_argocd(report=report)
    with connect(kubeconfig) as api:
        _configure(api)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coppice-argocd-")))
        redis_port, port, repo_metrics, metrics = free_ports(4)
        redis, repo = f"127.0.0.1:{redis_port}", f"127.0.0.1:{port}"
        environment = _environment(folder, kubeconfig, programs)

        def part(program: Path, *arguments: str, name: str) -> Process:
            run = running(
                program,
                *arguments,
                name=name,
                folder=folder,
                environment=environment | {"ARGOCD_BINARY_NAME": name},
            )
            return stack.enter_context(run)

        store = part(
            programs.redis, "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", name="redis"
        )
        store.wait_until(lambda: _listens(redis_port), seconds=_START_TIMEOUT)
        repo_server = part(
            programs.argocd,
            f"--redis={redis}",
            "--address=127.0.0.1",
            f"--port={port}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={repo_metrics}",
            "--disable-tls",
            "--loglevel=warn",
            name="argocd-repo-server",
        )
        repo_server.wait_until(lambda: _listens(port), seconds=_START_TIMEOUT)
        controller = part(
            programs.argocd,
            f"--kubeconfig={kubeconfig}",
            f"--namespace={NAMESPACE}",
            f"--redis={redis}",
            f"--repo-server={repo}",
            "--repo-server-plaintext",
            f"--metrics-port={metrics}",
            "--status-processors=2",
            "--operation-processors=2",
            "--loglevel=warn",
            name="argocd-application-controller",
        )
        controller.wait_until(lambda: _listens(metrics), seconds=_START_TIMEOUT)
        yield ArgoCD(controller=controller, repo_server=repo_server)


def _environment(folder: Path, kubeconfig: Path, programs: Programs) -> dict[str, str]:
    for name in ("tls", "ssh", "tmp"):
        (folder / name).mkdir()
    git = shutil.which("git") or ""
    return {
        "PATH": os.pathsep.join([str(programs.kustomize.parent), str(Path(git).parent), os.defpath]),
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "KUBECONFIG": str(kubeconfig),
        "ARGOCD_FAKE_IN_CLUSTER": "true",  # https://kubernetes.default.svc means the kubeconfig's cluster
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_TLS_DATA_PATH": str(folder / "tls"),
        "ARGOCD_SSH_DATA_PATH": str(folder / "ssh"),
    }


def _configure(api: httpx.Client) -> None:
    """Create the objects of an Argo CD installation that these parts need."""
    labels = {"app.kubernetes.io/part-of": "argocd"}

    def make(plural: str, name: str, version: str, kind: str, body: Mapping[str, Any]) -> None:
        root = "/api/v1" if version == "v1" else f"/apis/{version}"
        metadata = {"name": name, "labels": labels}
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, **body}
        where = (
            f"{root}/{plural}/{name}"
            if kind == "Namespace"
            else f"{root}/namespaces/{NAMESPACE}/{plural}/{name}"
        )
        apply(api, where, manifest, manager="argocd-installation").raise_for_status()

    make("namespaces", NAMESPACE, "v1", "Namespace", {})
    for name in _MAPS:
        make("configmaps", name, "v1", "ConfigMap", {})
    make("secrets", "argocd-secret", "v1", "Secret", {"stringData": {"server.secretkey": "not-a-secret"}})
    anything = [{"group": "*", "kind": "*"}]
    project = {
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*", "server": "*"}],
        "clusterResourceWhitelist": anything,
    }
    make("appprojects", "default", "argoproj.io/v1alpha1", "AppProject", {"spec": project})


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
