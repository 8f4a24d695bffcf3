"""An environment sleeps and wakes with the real Argo CD and the real Flux, when they are quick or not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from coppice.reconciler.outcome import Done, Stalled
from devtools.cluster.connection import merge
from devtools.cluster.waiting import wait_for
from devtools.emulators.github.git import git
from tests.cluster.gitops import GitOps, delete_and_wait, stopped
from tests.cluster.power import EVENING, MORNING, NEEDS_KWOK, Stage, staged, wait_for_pods
from tests.cluster.power_argocd import APPLICATION, ArgoCDAdapter, deploying_with_argocd
from tests.cluster.power_flux import deploying_with_flux

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300), NEEDS_KWOK, pytest.mark.usefixtures("enforced")]

PATIENCE = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
CONTROLLERS: dict[str, Callable[[Path, httpx.Client], AbstractContextManager[GitOps]]] = {
    "argocd": deploying_with_argocd,
    "flux": deploying_with_flux,
}


@pytest.fixture(scope="module", params=sorted(CONTROLLERS))
def gitops(request: pytest.FixtureRequest, kubeconfig: Path, api: httpx.Client) -> Iterator[GitOps]:
    """Return a running controller; each is started once."""
    request.getfixturevalue(f"{request.param}_programs")
    with CONTROLLERS[request.param](kubeconfig, api) as running:
        yield running


@pytest.fixture
def stage(kubeconfig: Path, api: httpx.Client, gitops: GitOps, tmp_path: Path) -> Iterator[Stage]:
    """Return the environment and production as they are in the afternoon."""
    repository = gitops.repository(tmp_path)
    with (
        staged(kubeconfig, api, tmp_path, repository=repository, gitops=gitops) as stage,
        gitops.deployed(repository),
    ):
        wait_for_pods(stage, gitops.environment.pods)
        wait_for_pods(stage, 3, gitops.environment.production)
        wait_for("the controller to say that all is well", gitops.is_healthy)
        yield stage


def assert_awake(stage: Stage, *, pods: bool = True) -> None:
    """Assert that the pool has at most been tagged, and that its nodes and pods are as before."""
    assert {each.wrote for each in stage.pictures} <= {"remember", "commit"}
    assert stage.ready_nodes() == stage.environment.nodes
    if pods:
        assert stage.ready_pods() == stage.environment.pods


def assert_falls_asleep(stage: Stage) -> None:
    """Assert that nothing keeps the environment from its sleep any more."""
    assert isinstance(stage.settle(EVENING), Done)
    assert (stage.flag_at(stage.head), len(stage.pods()), stage.ready_nodes()) == (
        stage.environment.off,
        0,
        0,
    )


def test_sleeps_in_the_evening_and_wakes_in_the_morning(stage: Stage) -> None:
    environment, before = stage.environment, stage.settings
    on, off, pods, nodes = environment.on, environment.off, environment.pods, environment.nodes

    assert_falls_asleep(stage)

    evening = stage.pictures
    assert [(each.wrote, each.flag, each.pods, each.nodes) for each in evening] == [
        ("remember", on, pods, nodes),
        ("commit", on, pods, nodes),
        ("autoscaler off", off, 0, nodes),
        ("count 0", off, 0, nodes),
    ]
    assert {each.commit for each in evening[2:]} == {stage.head}
    assert stage.reconciler.wake_orphans() is None  # it lists the ledger that has been written

    stage.pictures = []
    assert isinstance(stage.settle(MORNING), Done)

    assert stage.flag_at(stage.head) == on
    morning = stage.pictures
    assert [(each.wrote, each.flag, each.nodes) for each in morning] == [
        (f"count {nodes}", off, 0),
        ("commit", off, nodes),
        (environment.autoscaler, on, nodes),
        ("forget", on, nodes),
    ]
    assert {each.commit for each in morning[2:]} == {stage.head}
    assert (stage.ready_pods(), stage.ready_nodes()) == (pods, nodes)
    assert stage.settings == before

    assert stage.written_pools() == {environment.name}
    assert (stage.ready_pods(environment.production), stage.ready_nodes("prod")) == (3, 3)


def test_waits_for_a_slow_controller(stage: Stage, gitops: GitOps) -> None:
    old = stage.head
    with stopped(gitops.source):
        waiting = stage.run_until(EVENING, "sync", stage.environment.flag_is_on)
        assert old[:12] in waiting.why
        assert stage.tick(EVENING + PATIENCE - MINUTE).code == "sync"
        late = stage.tick(EVENING + PATIENCE + MINUTE)
        assert isinstance(late, Stalled)
        assert "for 31 minutes now" in late.why
        assert_awake(stage)

    assert_falls_asleep(stage)


def test_an_older_commit_that_is_synced_does_not_count(stage: Stage, gitops: GitOps) -> None:
    """Somebody's commit comes first. The controller truly is in sync, but at a commit that says on."""
    with stopped(gitops.controller):
        older = stage.repository.commit("main", {"NOTES.md": b"of somebody else\n"}, "A note")
        stage.run_until(EVENING, "sync")
        assert stage.flag_at(stage.head) == stage.environment.off
        gitops.follow(older)

    wait_for("the older commit to be in sync", lambda: gitops.is_synced_at(older))
    waiting = stage.run_until(EVENING, "sync", older[:12])
    assert stage.environment.flag_is_on in waiting.why
    assert_awake(stage)

    gitops.follow(None)
    assert_falls_asleep(stage)


def test_reports_what_does_not_build_in_the_controllers_words(stage: Stage, gitops: GitOps) -> None:
    mistake = gitops.cannot_build
    stage.repository.commit("main", mistake.files, "Break it")

    waiting = stage.run_until(EVENING, "sync", mistake.reason)
    assert gitops.synced_object in waiting.why
    late = f"{waiting.why}; for 31 minutes now"
    assert stage.run_until(EVENING + PATIENCE + MINUTE, "sync", late) == Stalled(late, "sync")
    assert_awake(stage)

    gitops.correct(stage.repository)
    assert_falls_asleep(stage)


def test_reports_what_the_api_server_refuses_in_its_words(stage: Stage, gitops: GitOps) -> None:
    mistake = gitops.is_refused
    stage.repository.commit("main", mistake.files, "Break it")

    waiting = stage.run_until(EVENING, "sync", mistake.reason)
    assert mistake.detail in waiting.why
    assert gitops.synced_object in waiting.why
    late = stage.run_until(EVENING + PATIENCE + MINUTE, "sync", "for 31 minutes now")
    assert isinstance(late, Stalled)
    assert_awake(stage, pods=not gitops.applies_in_part)

    gitops.correct(stage.repository)
    assert_falls_asleep(stage)


@pytest.mark.parametrize("gitops", ["argocd"], indirect=True)
def test_sleeps_with_an_application_of_several_sources(
    stage: Stage, api: httpx.Client, gitops: ArgoCDAdapter
) -> None:
    """One repository three times: at a tag, at its branch, and for others to refer to."""
    git(stage.repository.path, "tag", "v1", "main")
    url, first = f"file://{stage.repository.path}", stage.head
    sources = [
        {"repoURL": url, "targetRevision": "v1", "path": "flux-cd/namespaces"},
        {"repoURL": url, "targetRevision": "main", "path": "sources/environments/dev"},
        {"repoURL": url, "ref": "values"},
    ]
    merge(api, APPLICATION, {"spec": {"source": None, "sources": sources}}).raise_for_status()
    wait_for("the sources to be compared", lambda: gitops.status()["sync"].get("revisions") == [first] * 3)

    assert_falls_asleep(stage)

    status = gitops.status()
    assert stage.head != first
    assert status["sync"]["revisions"] == [first, stage.head, stage.head]
    assert "revision" not in status["sync"]
    assert status["sync"]["comparedTo"]["source"] == {"repoURL": ""}
    assert status["sync"]["comparedTo"]["sources"] == sources
    result = status["operationState"]["syncResult"]
    assert (result["revision"], result["revisions"]) == ("", [first, stage.head, stage.head])
    assert (result["source"], result["sources"]) == ({"repoURL": ""}, sources)
    delete_and_wait(api, "/api/v1/namespaces/staging")
