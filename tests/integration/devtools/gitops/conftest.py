"""The example of long-lived environments on the emulator of Kubernetes, brought there look by look."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from adapters.kustomize.build import Kustomize, find
from devtools.cluster.connection import merge
from devtools.cluster.nodes import node
from devtools.emulators.github.repository import Repository, create
from devtools.emulators.gitops.controller_simulator import ControllerSimulator
from devtools.emulators.gitops.source import Sources
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.serving import serving
from scheduler.documents import Path as Place
from scheduler.documents import put

ROOT = Path(__file__).parents[4]
PLATFORM = ROOT / "examples" / "platform"
GLOBALS = "sources/values/dev/globals.yaml"
RELEASE = "flux-cd/apps/super-todo/staging/helmrelease.yaml"
APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations"
REPOSITORIES = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories"
RELEASES = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/staging/helmreleases"

Object = dict[str, Any]


@dataclass(kw_only=True)
class World:
    """A repository, a cluster, and what brings the one to the other."""

    api: httpx.Client
    url: str
    repository: Repository
    simulator: ControllerSimulator

    def get(self, path: str) -> Object:
        document = self.api.get(path).raise_for_status().json()
        assert isinstance(document, dict)
        return document

    def reconcile(self, times: int = 6) -> None:
        """Reconcile until nothing is left to do that does not wait for time to pass."""
        for _ in range(times):
            self.simulator.reconcile()
        assert self.simulator.error == ""

    def commit(self, file: str, path: str, value: str | int) -> str:
        text = (PLATFORM / file).read_text()
        changed = put(text, Place.parse(path), value).encode()
        return self.repository.commit("main", {file: changed}, f"{path}: {value}")

    def annotate(self, path: str, key: str, value: str) -> None:
        merge(self.api, path, {"metadata": {"annotations": {key: value}}}).raise_for_status()

    def pods(self, namespace: str) -> list[str]:
        return [
            each["metadata"]["name"] for each in self.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        ]


def application(environment: str, namespace: str) -> Object:
    """Return what the ApplicationSet makes of an environment."""
    template: Any = yaml.safe_load((PLATFORM / "argocd/applicationset.yaml").read_text())["spec"]["template"]
    text = yaml.safe_dump(template).replace("{{ .namespace }}", namespace)
    made: Object = yaml.safe_load(text.replace("{{ .environment.name }}", environment))
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"} | made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    repository = create(tmp_path / "gitops.git", PLATFORM, full_name="acme/gitops")
    sources = Sources([repository], Kustomize(lambda: find(ROOT)))
    with serving(kubernetes_app()) as url, httpx.Client(base_url=url) as api:
        api.post("/_emulator/player", json={"ready_seconds": 0}).raise_for_status()
        for namespace in ("argocd", "flux-system"):
            api.post("/api/v1/namespaces", json={"metadata": {"name": namespace}}).raise_for_status()
        for pool in ("dev", "staging"):
            api.post("/api/v1/nodes", json=node(pool, 0)).raise_for_status()
        api.post(APPLICATIONS, json=application("dev", "ameide-dev")).raise_for_status()
        for file, path in (("source.yaml", REPOSITORIES), ("apps.yaml", KUSTOMIZATIONS)):
            made = yaml.safe_load((PLATFORM / "flux-cd/clusters/aks" / file).read_text())
            api.post(path, json=made).raise_for_status()
        world = World(api=api, url=url, repository=repository, simulator=ControllerSimulator(api, sources))
        world.reconcile()
        yield world
