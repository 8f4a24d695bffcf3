"""A small platform, deployed by Flux' real kustomize-controller."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from devtools.cluster.connection import merge
from devtools.cluster.flux import playing_sources, running_flux
from devtools.cluster.processes import Process
from devtools.emulators.github.repository import Repository
from tests.cluster.gitops import (
    INVALID_SERVICE,
    REPOSITORY,
    Environment,
    Mistake,
    bare_repository,
    delete_and_wait,
    make,
    wait_until_gone,
)

_SOURCES = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories"
_KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations"
_SOURCE = f"{_SOURCES}/gitops"
_NAMESPACES = ("staging", "production")
_KUSTOMIZATION = "apps/staging/kustomization.yaml"
_SCHEDULE = """\
protected_pools: [prod]
environments:
  staging:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [staging]
    pools: [staging]
    state: [{file: apps/staging/web.yaml, path: spec.replicas, on: 2, off: 0}]
    sync: [{flux: Kustomization/flux-system/staging}]
"""


def _kustomization(namespace: str, *resources: str) -> bytes:
    return yaml.safe_dump({"namespace": namespace, "resources": ["namespace.yaml", *resources]}).encode()


def _deployment(pool: str, replicas: int) -> str:
    """A Deployment whose pods run on one pool alone."""
    labels = {"app": "web"}
    container = {"name": "web", "image": "registry.example/web:1"}
    pod = {"nodeSelector": {"kubernetes.azure.com/agentpool": pool}, "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    return yaml.safe_dump(manifest)


class FluxAdapter:
    """Flux: one Kustomization for each environment, and one GitRepository that both read.

    Args:
        kubeconfig: of the cluster.
        api: the cluster.
        controller: the kustomize-controller, which fetches and applies.
    """

    environment = Environment(
        name="staging",
        namespace="staging",
        production="production",
        file="apps/staging/web.yaml",
        path=("spec", "replicas"),
        on=2,
        off=0,
        pods=2,
        nodes=1,
        autoscaler="autoscaler 1 to 2",
        schedule=_SCHEDULE,
    )
    synced_object = "Kustomization/flux-system/staging"
    cannot_build = Mistake(
        files={
            _KUSTOMIZATION: _kustomization("staging", "web.yaml", "missing.yaml"),
            "apps/staging/bad.yaml": INVALID_SERVICE,
        },
        reason="missing.yaml",
        detail="missing.yaml",
    )
    is_refused = Mistake(
        files={
            _KUSTOMIZATION: _kustomization("staging", "web.yaml", "bad.yaml"),
            "apps/staging/bad.yaml": INVALID_SERVICE,
        },
        reason="99999",
        detail="99999",
    )
    applies_in_part = False

    def __init__(self, kubeconfig: Path, api: httpx.Client, *, controller: Process) -> None:
        self._kubeconfig = kubeconfig
        self._api = api
        self.source = self.controller = controller

    def repository(self, folder: Path) -> Repository:
        """Make a repository with two environments, staging and production."""
        for name, pool, replicas in (("staging", "staging", 2), ("production", "prod", 3)):
            files = folder / "seed" / "apps" / name
            files.mkdir(parents=True)
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            (files / "namespace.yaml").write_text(yaml.safe_dump(namespace))
            (files / "web.yaml").write_text(_deployment(pool, replicas))
            (files / "kustomization.yaml").write_bytes(_kustomization(name, "web.yaml"))
        return bare_repository(folder, folder / "seed")

    @contextlib.contextmanager
    def deployed(self, repository: Repository) -> Iterator[None]:
        """Deploy the environment and production, for as long as the context lasts."""
        with playing_sources(self._kubeconfig, repository):
            made = [self._deploy(name) for name in _NAMESPACES]
            yield
            delete_and_wait(self._api, *made)
            self._api.delete(_SOURCE).raise_for_status()
            # A Kustomization takes the namespace that it made with it.
            wait_until_gone(self._api, *(f"/api/v1/namespaces/{each}" for each in _NAMESPACES))

    def _deploy(self, name: str) -> str:
        source = {"interval": "1h", "url": f"https://github.com/{REPOSITORY}.git", "ref": {"branch": "main"}}
        manifest = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository"}
        metadata = {"name": "gitops", "namespace": "flux-system"}
        make(self._api, "gitrepositories", {**manifest, "metadata": metadata, "spec": source})
        spec = {
            "interval": "1h",
            "retryInterval": "1h",
            "timeout": "30s",
            "path": f"./apps/{name}",
            "prune": True,
            "wait": True,
            "sourceRef": {"kind": "GitRepository", "name": "gitops"},
        }
        manifest = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}
        return make(
            self._api, "kustomizations", {**manifest, "metadata": {**metadata, "name": name}, "spec": spec}
        )

    def status(self) -> dict[str, Any]:
        """The status of the environment's Kustomization."""
        found = self._api.get(f"{_KUSTOMIZATIONS}/staging").raise_for_status().json()
        status: dict[str, Any] = found.get("status", {})
        return status

    def commit_in_force(self) -> str:
        """The commit that it says is in force; empty if none is yet."""
        return str(self.status().get("lastAppliedRevision", "")).rpartition(":")[2]

    def is_healthy(self) -> bool:
        """Whether it says that the environment is well."""
        conditions = self.status().get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def is_synced_at(self, commit: str) -> bool:
        """Whether it says that the environment is in sync, at this commit."""
        return self.status()["lastAppliedRevision"] == f"main@sha1:{commit}" and self.is_healthy()

    def follow(self, commit: str | None) -> None:
        """Pin the source to a commit; `None` follows the branch again."""
        merge(self._api, _SOURCE, {"spec": {"ref": {"commit": commit}}}).raise_for_status()

    def correct(self, repository: Repository) -> None:
        """Commit what undoes a mistake; the source is fetched all the time."""
        repository.commit("main", {_KUSTOMIZATION: _kustomization("staging", "web.yaml")}, "Correct it")


@contextlib.contextmanager
def deploying_with_flux(kubeconfig: Path, api: httpx.Client) -> Iterator[FluxAdapter]:
    """Run the kustomize-controller for as long as the context lasts."""
    with running_flux(kubeconfig) as running:
        yield FluxAdapter(kubeconfig, api, controller=running.controller)
