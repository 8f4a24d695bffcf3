"""The example platform, deployed by the real Argo CD."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from devtools.cluster.argocd import running_argocd
from devtools.cluster.connection import merge
from devtools.cluster.processes import Process
from devtools.emulators.github.repository import Repository
from tests.cluster.gitops import INVALID_SERVICE, Environment, Mistake, bare_repository, delete_and_wait, make

APPLICATION = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/ameide-dev"
_EXAMPLE = Path(__file__).parents[2] / "examples" / "platform"
_NAMESPACES = {"dev": "ameide-dev", "production": "ameide-prod"}
_KUSTOMIZATION = "sources/values/dev/kustomization.yaml"
_CORRECT = b"resources: [globals.yaml]\n"
_SCHEDULE = """\
protected_pools: [prod]
environments:
  dev:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [ameide-dev]
    pools: [dev]
    state: [{file: sources/values/dev/globals.yaml, path: environment.state}]
    sync: [{argocd: argocd, selector: environment=dev}]
"""


class ArgoCDAdapter:
    """Argo CD: one Application for each environment, as the example's ApplicationSet makes them.

    Args:
        api: the cluster.
        repo_server: the process that fetches from Git.
        controller: the process that applies.
    """

    environment = Environment(
        name="dev",
        namespace="ameide-dev",
        production="ameide-prod",
        file="sources/values/dev/globals.yaml",
        path=("environment", "state"),
        on="on",
        off="off",
        pods=3,
        nodes=2,
        autoscaler="autoscaler 1 to 3",
        schedule=_SCHEDULE,
    )
    synced_object = "Application/argocd/ameide-dev"
    cannot_build = Mistake(
        files={_KUSTOMIZATION: b"resources: [globals.yaml, missing.yaml]\n"},
        reason="missing.yaml",
        detail="missing.yaml",
    )
    is_refused = Mistake(
        files={
            _KUSTOMIZATION: b"resources: [globals.yaml, bad.yaml]\n",
            "sources/values/dev/bad.yaml": INVALID_SERVICE,
        },
        reason="its last sync failed",
        detail="99999",
    )
    applies_in_part = True

    def __init__(self, api: httpx.Client, *, repo_server: Process, controller: Process) -> None:
        self._api = api
        self.source = repo_server
        self.controller = controller

    def repository(self, folder: Path) -> Repository:
        """Make the example's repository, without its database: no operator runs here."""
        seed = folder / "seed"
        shutil.copytree(_EXAMPLE, seed)
        (seed / _KUSTOMIZATION).write_bytes(_CORRECT)
        return bare_repository(folder, seed)

    @contextlib.contextmanager
    def deployed(self, repository: Repository) -> Iterator[None]:
        """Deploy the environment and production, for as long as the context lasts."""
        made = [self._deploy(repository, name, namespace) for name, namespace in _NAMESPACES.items()]
        yield
        delete_and_wait(self._api, *made)
        delete_and_wait(self._api, *(f"/api/v1/namespaces/{each}" for each in _NAMESPACES.values()))

    def _deploy(self, repository: Repository, name: str, namespace: str) -> str:
        spec = {
            "project": "default",
            "source": {
                "repoURL": f"file://{repository.path}",
                "targetRevision": "main",
                "path": f"sources/environments/{name}",
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "retry": {"limit": 1, "backoff": {"duration": "1s"}},
                "syncOptions": ["ServerSideApply=true"],
            },
        }
        manifest = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": namespace, "namespace": "argocd", "labels": {"environment": name}},
            "spec": spec,
        }
        return make(self._api, "applications", manifest)

    def status(self) -> dict[str, Any]:
        """The status of the environment's Application."""
        status: dict[str, Any] = self._api.get(APPLICATION).raise_for_status().json().get("status", {})
        return status

    def commit_in_force(self) -> str:
        """The commit that it says is in force; empty if none is yet."""
        return str(self.status().get("sync", {}).get("revision", ""))

    def is_healthy(self) -> bool:
        """Whether it says that the environment is well."""
        return bool(self.status().get("health", {}).get("status") == "Healthy")

    def is_synced_at(self, commit: str) -> bool:
        """Whether it says that the environment is in sync, at this commit."""
        sync = self.status()["sync"]
        return (sync["status"], sync["revision"]) == ("Synced", commit)

    def follow(self, commit: str | None) -> None:
        """Pin the source to a commit; `None` follows the branch again."""
        source = {"targetRevision": commit or "main"}
        merge(self._api, APPLICATION, {"spec": {"source": source}}).raise_for_status()

    def correct(self, repository: Repository) -> None:
        """Commit what undoes a mistake, and ask for a refresh: Argo CD polls Git every few minutes only."""
        repository.commit("main", {_KUSTOMIZATION: _CORRECT}, "Correct it")
        refresh = {"argocd.argoproj.io/refresh": "normal"}
        merge(self._api, APPLICATION, {"metadata": {"annotations": refresh}}).raise_for_status()


@contextlib.contextmanager
def deploying_with_argocd(kubeconfig: Path, api: httpx.Client) -> Iterator[ArgoCDAdapter]:
    """Run Argo CD for as long as the context lasts."""
    with running_argocd(kubeconfig) as running:
        yield ArgoCDAdapter(api, repo_server=running.repo_server, controller=running.controller)
