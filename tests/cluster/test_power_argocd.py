"""An evening and a morning with the real Argo CD, when it is quick, and when it is not."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from coppice.reconciler.outcome import Done, Stalled
from devtools.cluster.argocd import ArgoCD, running_argocd
from devtools.cluster.connection import merge
from devtools.cluster.waiting import wait_for
from devtools.emulators.github.git import git
from devtools.emulators.github.repository import Repository
from tests.cluster.power import (
    EVENING,
    MORNING,
    NEEDS_KWOK,
    Environment,
    Stage,
    bare_repository,
    make,
    staged,
    stopped,
    wait_for_pods,
)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300), NEEDS_KWOK, pytest.mark.usefixtures("enforced")]

EXAMPLE = Path(__file__).parents[2] / "examples" / "platform"
FLAG = "sources/values/dev/globals.yaml"
VALUES = "sources/values/dev/kustomization.yaml"
APPLICATION = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/ameide-dev"
NAMESPACES = {"dev": "ameide-dev", "production": "ameide-prod"}
SCHEDULE = """\
protected_pools: [prod]
environments:
  dev:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [ameide-dev]
    pools: [dev]
    state: [{file: sources/values/dev/globals.yaml, path: environment.state}]
    sync: [{argocd: argocd, selector: environment=dev}]
"""


@pytest.fixture(scope="module")
def argocd(kubeconfig: Path, argocd_programs: None) -> Iterator[ArgoCD]:
    with running_argocd(kubeconfig) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """The example's repository; no operator plays its database."""
    seed = tmp_path / "seed"
    shutil.copytree(EXAMPLE, seed)
    (seed / VALUES).write_text("resources: [globals.yaml]\n")
    return bare_repository(tmp_path, seed)


@pytest.fixture
def stage(
    kubeconfig: Path, api: httpx.Client, argocd: ArgoCD, repository: Repository, tmp_path: Path
) -> Iterator[Stage]:
    """Dev and production as they are in the afternoon."""

    def in_force() -> str:
        return str(application(api)["status"].get("sync", {}).get("revision", ""))

    environment = Environment(
        name="dev",
        namespace="ameide-dev",
        file=FLAG,
        path=("environment", "state"),
        schedule=SCHEDULE,
        in_force=in_force,
    )
    with staged(kubeconfig, api, tmp_path, repository=repository, environment=environment) as stage:
        made = [deploy(stage, name, namespace) for name, namespace in NAMESPACES.items()]
        wait_for_pods(stage, 3)
        wait_for_pods(stage, 3, "ameide-prod")
        wait_for("Argo CD to say so", lambda: application(api)["status"]["health"]["status"] == "Healthy")
        yield stage
        for path in made:
            api.delete(path).raise_for_status()
        wait_for("the applications to go", lambda: not any(api.get(path).is_success for path in made))
        for namespace in NAMESPACES.values():
            api.delete(f"/api/v1/namespaces/{namespace}").raise_for_status()
        wait_for("the namespaces to go", lambda: not any(stands(api, each) for each in NAMESPACES.values()))


def deploy(stage: Stage, name: str, namespace: str) -> str:
    """Make an environment's Application, as the example's ApplicationSet would."""
    spec = {
        "project": "default",
        "source": {
            "repoURL": f"file://{stage.repository.path}",
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
    metadata = {"name": namespace, "namespace": "argocd", "labels": {"environment": name}}
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata,
        "spec": spec,
    }
    return make(stage.api, "applications", manifest)


def stands(api: httpx.Client, namespace: str) -> bool:
    return api.get(f"/api/v1/namespaces/{namespace}").is_success


def application(api: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = api.get(APPLICATION).raise_for_status().json()
    return {"status": {}, **found}


def mend(stage: Stage, files: dict[str, bytes | None]) -> None:
    """Commit, and tell Argo CD of it, as GitHub's webhook does; by itself it looks every few minutes."""
    stage.repository.commit("main", files, "Mend it")
    asked = {"argocd.argoproj.io/refresh": "normal"}
    merge(stage.api, APPLICATION, {"metadata": {"annotations": asked}}).raise_for_status()


def nothing_happened_to_the_nodes(stage: Stage) -> bool:
    """Whether the pool was at most made a note of, and its nodes are as before."""
    wrote = {each.wrote for each in stage.pictures}
    return wrote <= {"remember", "commit"} and stage.ready_nodes() == 2


def test_an_evening_and_a_morning(stage: Stage) -> None:
    before = stage.settings

    assert isinstance(stage.settle(EVENING), Done)

    assert stage.flag_at(stage.head) == "off"
    evening = stage.pictures
    assert [(each.wrote, each.flag, each.pods, each.nodes) for each in evening] == [
        ("remember", "on", 3, 2),
        ("commit", "on", 3, 2),
        ("autoscaler off", "off", 0, 2),
        ("count 0", "off", 0, 2),
    ]
    assert {each.commit for each in evening[2:]} == {stage.head}
    assert (len(stage.pods()), stage.ready_nodes()) == (0, 0)

    stage.pictures = []
    assert isinstance(stage.settle(MORNING), Done)

    assert stage.flag_at(stage.head) == "on"
    morning = stage.pictures
    assert [(each.wrote, each.flag, each.nodes) for each in morning] == [
        ("count 2", "off", 0),
        ("commit", "off", 2),
        ("autoscaler 1 to 3", "on", 2),
        ("forget", "on", 2),
    ]
    assert {each.commit for each in morning[2:]} == {stage.head}
    assert (stage.ready_pods(), stage.ready_nodes()) == (3, 2)
    assert stage.settings == before

    assert stage.written_pools() == {"dev"}
    assert stage.ready_pods("ameide-prod") == stage.ready_nodes("prod") == 3


def test_an_evening_of_an_application_of_several_sources(stage: Stage, api: httpx.Client) -> None:
    """One repository three times: at a tag, at its branch, and for others to refer to."""
    git(stage.repository.path, "tag", "v1", "main")
    url, first = f"file://{stage.repository.path}", stage.head
    sources = [
        {"repoURL": url, "targetRevision": "v1", "path": "flux-cd/namespaces"},
        {"repoURL": url, "targetRevision": "main", "path": "sources/environments/dev"},
        {"repoURL": url, "ref": "values"},
    ]
    merge(api, APPLICATION, {"spec": {"source": None, "sources": sources}}).raise_for_status()
    wait_for(
        "the sources to be compared",
        lambda: application(api)["status"]["sync"].get("revisions") == [first] * 3,
    )

    assert isinstance(stage.settle(EVENING), Done)

    told = application(api)["status"]
    assert stage.head != first
    assert told["sync"]["revisions"] == [first, stage.head, stage.head]
    assert "revision" not in told["sync"]
    assert told["sync"]["comparedTo"]["source"] == {"repoURL": ""}
    assert told["sync"]["comparedTo"]["sources"] == sources
    result = told["operationState"]["syncResult"]
    assert (result["revision"], result["revisions"]) == ("", [first, stage.head, stage.head])
    assert (result["source"], result["sources"]) == ({"repoURL": ""}, sources)
    assert (stage.flag_at(stage.head), len(stage.pods()), stage.ready_nodes()) == ("off", 0, 0)
    api.delete("/api/v1/namespaces/staging").raise_for_status()
    wait_for("its namespace to go", lambda: not stands(api, "staging"))


def test_an_argo_cd_that_is_slow_is_waited_for(stage: Stage, argocd: ArgoCD) -> None:
    old = stage.head
    with stopped(argocd.repo_server):
        waiting = stage.run_until(
            EVENING, "sync", "environment.state in sources/values/dev/globals.yaml is 'on'"
        )
        assert old[:12] in waiting.why
        assert stage.tick(EVENING + timedelta(minutes=29)).code == "sync"
        late = stage.tick(EVENING + timedelta(minutes=31))
        assert isinstance(late, Stalled)
        assert "for 31 minutes now" in late.why
        assert nothing_happened_to_the_nodes(stage)
        assert stage.ready_pods() == 3

    assert isinstance(stage.settle(EVENING), Done)
    assert (len(stage.pods()), stage.ready_nodes()) == (0, 0)


def test_an_older_commit_that_is_synced_does_not_count(
    stage: Stage, argocd: ArgoCD, api: httpx.Client
) -> None:
    """Somebody's commit comes first, and Argo CD says that it has synced, truly: at a commit that says on."""
    with stopped(argocd.controller):
        older = stage.repository.commit("main", {"NOTES.md": b"of somebody else\n"}, "A note")
        stage.run_until(EVENING, "sync")
        assert stage.flag_at(stage.head) == "off"
        merge(api, APPLICATION, {"spec": {"source": {"targetRevision": older}}}).raise_for_status()

    def is_synced_at_the_older_one() -> bool:
        sync = application(api)["status"]["sync"]
        return (sync["status"], sync["revision"]) == ("Synced", older)

    wait_for("Argo CD to sync the older commit", is_synced_at_the_older_one)
    waiting = stage.run_until(EVENING, "sync", older[:12])
    assert "environment.state in sources/values/dev/globals.yaml is 'on'" in waiting.why
    assert nothing_happened_to_the_nodes(stage)
    assert stage.ready_pods() == 3

    merge(api, APPLICATION, {"spec": {"source": {"targetRevision": "main"}}}).raise_for_status()
    assert isinstance(stage.settle(EVENING), Done)
    assert stage.ready_nodes() == 0


def test_what_cannot_be_built_is_said_in_argo_cds_words(stage: Stage) -> None:
    stage.repository.commit("main", {VALUES: b"resources: [globals.yaml, missing.yaml]\n"}, "Break it")

    waiting = stage.run_until(EVENING, "sync", "missing.yaml")
    assert "Application/argocd/ameide-dev" in waiting.why
    assert stage.run_until(EVENING + timedelta(minutes=31), "sync", "missing.yaml") == Stalled(
        f"{waiting.why}; for 31 minutes now", "sync"
    )
    assert nothing_happened_to_the_nodes(stage)
    assert stage.ready_pods() == 3

    mend(stage, {VALUES: b"resources: [globals.yaml]\n"})
    assert (type(stage.settle(EVENING)), stage.ready_nodes()) == (Done, 0)


def test_what_the_cluster_refuses_is_said_in_its_words(stage: Stage) -> None:
    bad = b"apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999}]}\n"
    broken: dict[str, bytes | None] = {
        "sources/values/dev/bad.yaml": bad,
        VALUES: b"resources: [globals.yaml, bad.yaml]\n",
    }
    stage.repository.commit("main", broken, "Break it")

    waiting = stage.run_until(EVENING, "sync", "its last sync failed")
    assert "99999" in waiting.why
    assert nothing_happened_to_the_nodes(stage)  # of its pods Argo CD had taken the number down before that

    mend(stage, {VALUES: b"resources: [globals.yaml]\n"})
    assert (type(stage.settle(EVENING)), stage.ready_nodes()) == (Done, 0)
