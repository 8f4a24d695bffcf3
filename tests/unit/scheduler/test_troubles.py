from dataclasses import replace

import pytest

from coppice.reconciler.errors import Conflict, Throttled
from coppice.reconciler.outcome import Done, Stalled, Waiting
from scheduler.nodes import Pod
from scheduler.pools import Autoscaler, Shape
from tests.unit.scheduler.states import assert_down, assert_up, evening, morning
from tests.unit.scheduler.world import World


def test_a_lost_race_for_the_branch_is_run_again() -> None:
    world = evening()

    def somebody_pushes() -> None:
        world.push(world.commits[-1].replace("# switch", "# the switch"))

    def nothing() -> None:
        pass

    world.before_write = [nothing] * 3 + [somebody_pushes]
    world.run_until_done()
    assert_down(world)
    assert "# the switch" in world.commits[-1]


def test_a_protected_branch_is_said_and_no_node_goes() -> None:
    world = evening()
    world.protected_branch = True
    for _ in range(6):
        report = world.tick()
        world.settle()
    assert isinstance(report.outcome, Stalled)
    assert report.outcome.why == "main is protected: let Coppice's app by"
    assert world.nodes == World().nodes


def test_throttling_and_an_operation_in_progress_put_it_off() -> None:
    world = evening()
    world.failures = [Throttled("slow down", retry_after=7)] * 3
    assert isinstance(world.tick().outcome, Waiting)
    world.run_until_done()
    assert_down(world)
    world = evening()
    world.pools["prod"] = replace(world.pools["prod"], provisioning_state="Upgrading")
    outcome = world.tick().outcome
    assert isinstance(outcome, Waiting)
    assert "pool/prod is Upgrading" in outcome.why
    assert world.puts == []


@pytest.mark.parametrize("unreadable", ["git", "argocd", "arm", "cluster", "books", "overrides"])
def test_what_cannot_be_read_takes_no_node_away(unreadable: str) -> None:
    world = evening()
    world.unreadable = {unreadable}
    for _ in range(10):
        assert not isinstance(world.tick().outcome, Done)
        world.settle()
    assert world.nodes == World().nodes
    world.unreadable = set()
    world.run_until_done()
    assert_down(world)


def test_an_argo_cd_that_syncs_an_older_commit_first_is_waited_for() -> None:
    world = evening()
    world.push(world.commits[-1] + "more: 1\n")
    world.app.one_behind = True
    world.app.slow = 3
    world.run_until_done()  # the world itself asserts that no node goes under a working pod
    assert_down(world)


def test_a_sync_that_fails_is_said_after_half_an_hour_and_no_node_goes() -> None:
    world = evening()
    world.app.failing = "OutOfSync: admission webhook denied the request"
    for _ in range(8):
        report = world.tick()
        world.settle(minutes=5)
    assert isinstance(report.outcome, Stalled)
    assert "admission webhook denied the request; for 35 minutes now" in report.outcome.why
    assert world.nodes == World().nodes


def test_pods_of_others_keep_a_pool_until_they_have_gone() -> None:
    world = evening()
    foreign = Pod(namespace="billing", name="report", node="dev-1")
    world.pods.append(foreign)
    for _ in range(10):
        report = world.tick()
        world.settle()
    assert isinstance(report.outcome, Stalled)
    assert "pods of others run on it: billing/report" in report.outcome.why
    assert world.shapes()["dev"] == Shape(2, Autoscaler(1, 3))
    world.pods.remove(foreign)
    world.run_until_done()
    assert_down(world)


def test_leftovers_and_daemon_sets_go_down_with_their_nodes() -> None:
    world = evening()
    world.pods += [
        Pod(namespace="cnpg-system", name="operator", node="dev-0"),
        Pod(namespace="kube-system", name="kube-proxy", node="dev-0", node_bound=True),
        Pod(namespace="ameide-dev", name="agent", node="dev-0", node_bound=True),
        Pod(namespace="billing", name="done", node="dev-0", phase="Succeeded"),
        Pod(namespace="kube-system", name="coredns", node="dev-0"),  # another pool can take it
    ]
    world.run_until_done()
    assert_down(world)


def test_no_capacity_in_the_morning_is_said_with_azures_words_and_tried_again() -> None:
    world = morning()
    world.no_capacity = {"dev", "gpu"}
    for _ in range(9):
        report = world.tick()
        world.settle(minutes=5)
    assert isinstance(report.outcome, Stalled)
    assert "pool/dev has 0 of 2 nodes ready" in report.outcome.why
    assert any("AllocationFailed: no capacity" in str(result.change) for result in report.results)
    assert world.flag() == "off"
    world.no_capacity = set()
    world.run_until_done()
    assert_up(world)


def test_what_is_not_healthy_in_the_morning_is_said_and_the_pool_is_as_it_was_all_the_same() -> None:
    world = morning()
    sick = Pod(namespace="ameide-dev", name="broken", node="dev-0", ready=False)
    for _ in range(12):
        if world.nodes["dev"]:
            world.pods.append(sick)
        report = world.tick()
        world.settle(minutes=5)
    assert isinstance(report.outcome, Stalled)
    assert "ameide-dev/broken is Running, and not ready" in report.outcome.why
    assert world.shapes() == World().shapes()
    world.run_until_done()
    assert_up(world)


@pytest.mark.parametrize("mode", ["System", ""])
def test_a_pool_that_is_not_of_mode_user_is_never_written(mode: str) -> None:
    world = evening()
    world.pools["dev"] = replace(world.pools["dev"], mode=mode)
    for _ in range(8):
        report = world.tick()
        world.settle()
    assert isinstance(report.outcome, Stalled)
    assert "only User pools sleep" in report.outcome.why
    assert "dev" not in {name for name, _ in world.puts}
    assert world.ledgers["dev"].asleep is None


def test_a_pool_that_does_not_stand_stops_everything() -> None:
    world = evening()
    del world.pools["gpu"]
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert "the cluster has no pool gpu" in report.outcome.why
    assert len(world.commits) == 1


def test_a_snapshot_that_cannot_be_read_stops_everything() -> None:
    world = evening()
    unparseable = replace(world.pools["dev"].shape, tag="two nodes")
    world.pools["dev"] = replace(world.pools["dev"], shape=unparseable)
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert "pool/dev says 'two nodes'" in report.outcome.why
    assert (world.puts, len(world.commits)) == ([], 1)


def test_while_overrides_cannot_be_read_nothing_is_put_to_sleep_and_what_is_due_wakes() -> None:
    world = evening()
    world.unreadable = {"overrides"}
    for _ in range(3):
        assert isinstance(world.tick().outcome, Waiting)
        world.settle()
    assert (world.puts, len(world.commits)) == ([], 1)
    world = morning()
    world.unreadable = {"overrides"}
    world.run_until_done()
    assert_up(world)


def test_a_conflict_on_the_ledger_is_looked_at_again() -> None:
    world = evening()
    world.failures = []
    world.before_write = [lambda: world.failures.append(Conflict("the ledger has changed"))]
    world.run_until_done()
    assert_down(world)


def test_one_pool_without_capacity_holds_the_other_up_for_half_an_hour_and_is_asked_for_again() -> None:
    world = morning()
    world.no_capacity = {"gpu"}
    for _ in range(16):
        report = world.tick()
        world.settle(minutes=5)
    assert isinstance(report.outcome, Stalled)
    assert "pool/gpu has 0 of 1 nodes ready" in report.outcome.why
    assert world.flag() == "on"
    assert world.shapes()["dev"] == World().shapes()["dev"]
    assert world.shapes()["gpu"] == Shape(1, None, "count=1")
    world.no_capacity = set()
    world.run_until_done()
    assert_up(world)


def test_without_anything_that_syncs_no_commit_is_made_in_the_evening_and_one_is_in_the_morning() -> None:
    world = evening()
    world.app.gone = True
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert "there is no Application/argocd/dev" in report.outcome.why
    assert (world.puts, len(world.commits), world.ledgers) == ([], 1, {})
    world = morning()
    world.app.gone = True
    for _ in range(8):
        report = world.tick()
        world.settle()
    assert isinstance(report.outcome, Stalled)
    assert world.flag() == "on"


def test_a_sync_that_fails_in_the_morning_does_not_keep_the_pool_from_being_as_it_was() -> None:
    world = morning()
    world.app.failing = "its last sync failed: admission webhook denied the request"
    for _ in range(12):
        report = world.tick()
        if world.nodes["dev"] and not world.pools["dev"].shape.autoscaler:
            assert world.shapes()["dev"].tag  # it is not forgotten before it is restored
        world.settle(minutes=5)
    assert isinstance(report.outcome, Stalled)
    assert "admission webhook denied the request" in report.outcome.why
    assert world.shapes() == World().shapes()
    world.app.failing = ""
    world.run_until_done()
    assert_up(world)
