"""A Kustomization, its GitRepository and the HelmRelease that it applies."""

from typing import Any

from devtools.emulators.gitops.flux import REQUESTED
from tests.integration.devtools.gitops.conftest import KUSTOMIZATIONS, RELEASE, RELEASES, REPOSITORIES, World

APPS, SOURCE, TODO = f"{KUSTOMIZATIONS}/apps", f"{REPOSITORIES}/gitops", f"{RELEASES}/super-todo"
REPLICAS = "spec.values.replicaCount"


def ready(world: World, path: str) -> tuple[str, str]:
    told = world.get(path)["status"]["conditions"]
    return next((each["status"], each["reason"]) for each in told if each["type"] == "Ready")


def ask(world: World, time: str = "2026-03-02T20:00:00Z") -> None:
    for path in (SOURCE, APPS):
        world.annotate(path, REQUESTED, time)


def status(world: World, path: str = APPS) -> dict[str, Any]:
    found = world.get(path)["status"]
    assert isinstance(found, dict)
    return found


def revision(world: World) -> str:
    return f"main@sha1:{world.repository.head('main')}"


def test_what_git_says_at_first_is_applied_and_its_release_runs(world: World) -> None:
    assert status(world, SOURCE)["artifact"]["revision"] == revision(world)
    assert status(world)["lastAppliedRevision"] == revision(world)
    assert ready(world, APPS) == ("True", "ReconciliationSucceeded")
    assert {"id": "staging_super-todo_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"} in status(world)[
        "inventory"
    ]["entries"]
    assert ready(world, TODO)[0] == "True"
    assert len(world.pods("staging")) == 1


def test_a_commit_is_applied_and_the_request_is_noted_as_handled(world: World) -> None:
    world.commit(RELEASE, REPLICAS, 0)

    ask(world)
    world.reconcile()

    assert status(world)["lastAppliedRevision"] == revision(world)
    for path in (SOURCE, APPS):
        assert status(world, path)["lastHandledReconcileAt"] == "2026-03-02T20:00:00Z"
    release = world.get(TODO)
    assert release["status"]["observedGeneration"] == release["metadata"]["generation"] == 2
    assert ready(world, TODO)[0] == "True"
    assert world.pods("staging") == []


def test_a_kustomization_alone_applies_what_its_source_has_seen(world: World) -> None:
    """Whoever asks the Kustomization only gets the commit that the GitRepository has fetched."""
    before = revision(world)
    world.commit(RELEASE, REPLICAS, 0)

    world.annotate(APPS, REQUESTED, "now")
    world.reconcile()

    assert status(world)["lastHandledReconcileAt"] == "now"
    assert status(world)["lastAppliedRevision"] == before


def test_a_slow_one_is_reconciling_and_has_not_handled_the_request(world: World) -> None:
    before = revision(world)
    world.simulator.change({"sync_seconds": 3600})
    world.commit(RELEASE, REPLICAS, 0)

    ask(world)
    world.reconcile()
    assert ready(world, APPS) == ("Unknown", "Progressing")
    assert status(world)["lastAppliedRevision"] == before
    assert "lastHandledReconcileAt" not in status(world)

    world.simulator.change({"sync_seconds": 0})
    world.reconcile()
    assert status(world)["lastAppliedRevision"] == revision(world)


def test_one_that_fails_keeps_what_it_applied_last(world: World) -> None:
    before = revision(world)
    world.simulator.change({"failing": ["apps"]})
    world.commit(RELEASE, REPLICAS, 0)

    ask(world)
    world.reconcile()

    assert ready(world, APPS) == ("False", "ReconciliationFailed")
    assert status(world)["lastAppliedRevision"] == before
    assert status(world)["lastAttemptedRevision"] == revision(world)
    assert len(world.pods("staging")) == 1


def test_a_release_is_not_ready_before_its_pods_are(world: World) -> None:
    world.api.post("/_emulator/player", json={"ready_seconds": None}).raise_for_status()
    world.commit(RELEASE, REPLICAS, 2)

    ask(world)
    world.reconcile()
    assert ready(world, APPS)[0] == "True"
    assert ready(world, TODO) == ("Unknown", "Progressing")

    world.api.post("/_emulator/player", json={"ready_seconds": 0}).raise_for_status()
    world.reconcile()
    assert ready(world, TODO)[0] == "True"
