from dataclasses import replace

import pytest

from coppice.reconciler.errors import Conflict, Throttled
from coppice.reconciler.outcome import Done, Stalled, Waiting
from scheduler.nodes import Pod
from scheduler.pools import Autoscaler, Shape
from tests.unit.scheduler.states import assert_down, assert_up, evening, morning
from tests.unit.scheduler.world import World


def test_a_lost_race_for_the_branch_is_retried() -> None:
    world = evening()

    def somebody_pushes() -> None:
        world.push(world.commits[-1].replace("# switch", "# the switch"))

    def nothing() -> None:
        pass

    world.before_write = [nothing] * 3 + [somebody_pushes]
    world.run_until_done()
    assert_down(world)
    assert "# the switch" in world.commits[-1]


def test_a_protected_branch_stalls_and_no_node_is_removed() -> None:
    world = evening()
    world.protected_branch = True
    for _ in range(6):
        report = world.tick()
        world.settle()
    assert isinstance(report.outcome, Stalled)
    assert report.outcome.why == "main is protected: let Coppice's app by"
    assert world.nodes == World().nodes


def test_throttling_and_another_operation_are_waited_for() -> None:
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


@pytest.mark.parametrize("unreadable", ["git", "argocd", "arm", "cluster", "ledgers", "overrides"])
def test_no_node_is_removed_while_anything_cannot_be_read(unreadable: str) -> None:
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
    world.run_until_done()  # the world asserts that no node is removed under a working pod
    assert_down(world)


def test_a_failing_sync_stalls_after_half_an_hour_and_no_node_is_removed() -> None:
    world = evening()
    world.app.failing = "OutOfSync: admission webhook denied the request"
    for _ in range(8):
        report = world.tick()
        world.settle(minutes=5)
    assert isinstance(report.outcome, Stalled)
    assert "admission webhook denied the request; for 35 minutes now" in report.outcome.why
    assert world.nodes == World().nodes


def test_foreign_pods_keep_a_pool_until_they_are_gone() -> None:
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


def test_missing_capacity_is_reported_in_azures_words_and_retried() -> None:
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


def test_unhealthy_pods_are_reported_and_the_pools_are_restored() -> None:
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


def test_a_missing_pool_blocks_sleep() -> None:
    world = evening()
    del world.pools["gpu"]
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert "the cluster has no pool gpu" in report.outcome.why
    assert len(world.commits) == 1


def test_an_unparseable_snapshot_blocks_sleep() -> None:
    world = evening()
    unparseable = replace(world.pools["dev"].shape, tag="two nodes")
    world.pools["dev"] = replace(world.pools["dev"], shape=unparseable)
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert "pool/dev says 'two nodes'" in report.outcome.why
    assert (world.puts, len(world.commits)) == ([], 1)


def test_with_unknown_overrides_nothing_sleeps_and_what_is_due_wakes() -> None:
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


def test_a_conflict_on_the_ledger_is_retried() -> None:
    world = evening()
    world.failures = []
    world.before_write = [lambda: world.failures.append(Conflict("the ledger has changed"))]
    world.run_until_done()
    assert_down(world)


def test_a_pool_without_capacity_delays_the_others_for_half_an_hour_and_is_retried() -> None:
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


def test_without_gitops_objects_nothing_sleeps_but_everything_wakes() -> None:
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


def test_a_failing_sync_does_not_keep_the_pools_from_being_restored() -> None:
    world = morning()
    world.app.failing = "its last sync failed: admission webhook denied the request"
    for _ in range(12):
        report = world.tick()
        if world.nodes["dev"] and not world.pools["dev"].shape.autoscaler:
            assert world.shapes()["dev"].tag  # the snapshot is not deleted before it is restored
        world.settle(minutes=5)
    assert isinstance(report.outcome, Stalled)
    assert "admission webhook denied the request" in report.outcome.why
    assert world.shapes() == World().shapes()
    world.app.failing = ""
    world.run_until_done()
    assert_up(world)
