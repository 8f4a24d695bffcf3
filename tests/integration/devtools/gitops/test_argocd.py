"""An Application, from the annotation that asks for a look at Git to pods that are gone."""

from typing import Any

from devtools.emulators.gitops.argocd import REFRESH
from tests.integration.devtools.gitops.conftest import APPLICATIONS, GLOBALS, World

DEV = f"{APPLICATIONS}/ameide-dev"
STATE = "environment.state"


def status(world: World) -> dict[str, Any]:
    found = world.get(DEV)["status"]
    assert isinstance(found, dict)
    return found


def refresh(world: World) -> None:
    world.annotate(DEV, REFRESH, "normal")


def is_refreshing(world: World) -> bool:
    return REFRESH in world.get(DEV)["metadata"].get("annotations", {})


def test_what_git_says_at_first_is_synced_and_becomes_healthy(world: World) -> None:
    told = status(world)

    assert told["sync"]["status"] == "Synced"
    assert told["sync"]["revision"] == world.repository.head("main")
    assert told["operationState"]["phase"] == "Succeeded"
    assert told["operationState"]["syncResult"]["revision"] == world.repository.head("main")
    assert told["health"]["status"] == "Healthy"
    assert len(world.pods("ameide-dev")) == 3


def test_a_commit_is_synced_once_somebody_asks_for_a_look(world: World) -> None:
    before = status(world)["sync"]["revision"]
    commit = world.commit(GLOBALS, STATE, "off")
    world.reconcile()
    unasked = status(world)["sync"]["revision"]

    refresh(world)
    world.reconcile()

    assert (unasked, status(world)["sync"]["revision"]) == (before, commit)
    assert status(world)["sync"]["status"] == "Synced"
    assert status(world)["operationState"]["syncResult"]["revision"] == commit
    assert not is_refreshing(world)
    assert world.pods("ameide-dev") == []
    assert world.get("/apis/batch/v1/namespaces/ameide-dev/cronjobs/cleanup")["spec"]["suspend"] is True


def test_a_slow_sync_is_running_and_out_of_sync_until_it_is_through(world: World) -> None:
    world.simulator.change({"sync_seconds": 3600})
    commit = world.commit(GLOBALS, STATE, "off")
    refresh(world)

    world.reconcile()
    told = status(world)
    assert told["sync"] == told["sync"] | {"status": "OutOfSync", "revision": commit}
    assert told["operationState"]["phase"] == "Running"
    assert not is_refreshing(world)
    assert len(world.pods("ameide-dev")) == 3

    world.simulator.change({"sync_seconds": 0})
    world.reconcile()
    assert status(world)["sync"]["status"] == "Synced"
    assert world.pods("ameide-dev") == []


def test_synced_may_be_said_of_a_commit_that_is_not_the_newest(world: World) -> None:
    """kargo#6357: the refresh is over, and what is Synced is what stood there before."""
    before = status(world)["sync"]["revision"]
    world.simulator.change({"lag_seconds": 3600})
    commit = world.commit(GLOBALS, STATE, "off")

    refresh(world)
    world.reconcile()
    assert not is_refreshing(world)
    assert status(world)["sync"] == status(world)["sync"] | {"status": "Synced", "revision": before}
    assert len(world.pods("ameide-dev")) == 3

    world.simulator.change({"lag_seconds": 0})
    refresh(world)
    world.reconcile()
    assert status(world)["sync"]["revision"] == commit


def test_a_sync_that_fails_says_so_and_is_tried_again_when_asked(world: World) -> None:
    world.simulator.change({"failing": ["ameide-*"]})
    commit = world.commit(GLOBALS, STATE, "off")
    refresh(world)

    world.reconcile()
    told = status(world)
    assert (told["sync"]["status"], told["sync"]["revision"]) == ("OutOfSync", commit)
    assert told["operationState"]["phase"] == "Failed"
    assert len(world.pods("ameide-dev")) == 3

    world.simulator.change({"failing": []})
    refresh(world)
    world.reconcile()
    assert status(world)["operationState"]["phase"] == "Succeeded"
    assert world.pods("ameide-dev") == []


def test_a_commit_that_changes_nothing_here_is_synced_without_an_operation(world: World) -> None:
    first = status(world)["operationState"]["syncResult"]["revision"]
    commit = world.repository.commit("main", {"README.md": b"# Other words\n"}, "Other words")

    refresh(world)
    world.reconcile()

    assert (status(world)["sync"]["status"], status(world)["sync"]["revision"]) == ("Synced", commit)
    assert status(world)["operationState"]["syncResult"]["revision"] == first


def test_what_cannot_be_compared_is_unknown_and_says_why(world: World) -> None:
    world.repository.commit("main", {"sources/apps/frontend.yaml": None}, "Still a resource")

    refresh(world)
    world.reconcile()

    told = status(world)
    assert told["sync"]["status"] == "Unknown"
    (condition,) = told["conditions"]
    assert condition["type"] == "ComparisonError"
    assert not is_refreshing(world)
    assert len(world.pods("ameide-dev")) == 3
