"""Pools that end up with another number of nodes than was requested, and pools that must not be written."""

from dataclasses import replace

import pytest

from coppice.reconciler.outcome import Done, Stalled
from scheduler.nodes import Pod
from scheduler.pools import Autoscaler, Shape
from tests.unit.scheduler.states import asleep, assert_down, assert_up, evening, morning
from tests.unit.scheduler.world import MORNING, World


@pytest.mark.parametrize("state", ["Canceled", "Failed", "Succeeded"])
def test_a_scale_up_that_ends_without_its_nodes_is_retried(state: str) -> None:
    world = morning()
    world.operation_results = {"dev": [state] * 2, "gpu": [state]}
    world.run_until_done(rounds=25)
    assert_up(world)


@pytest.mark.parametrize("state", ["Canceled", "Failed", "Succeeded"])
def test_a_scale_down_that_leaves_nodes_is_retried(state: str) -> None:
    world = evening()
    world.operation_results = {"dev": ["Succeeded", "Succeeded", state, state], "gpu": ["Succeeded", state]}
    world.run_until_done(rounds=25)
    assert_down(world)


def test_deallocated_vms_stay_nodes_and_are_asleep() -> None:
    world = evening()
    world.pools["dev"] = replace(world.pools["dev"], deallocates=True)
    world.deallocated = {"dev": 2}
    world.run_until_done()
    assert_down(world)
    world.now = MORNING
    world.run_until_done()
    assert_up(world)


def test_a_pool_of_virtual_machines_blocks_sleep() -> None:
    world = evening()
    world.pools["gpu"] = replace(world.pools["gpu"], shape=Shape(0, None), uncounted=True)
    outcome = world.tick().outcome
    assert isinstance(outcome, Stalled)
    assert (outcome.code, world.puts, len(world.commits)) == ("pool_type", [], 1)
    assert "pool/gpu is of type VirtualMachines, and has no count" in outcome.why


def test_a_stopped_pool_sleeps_and_is_not_started() -> None:
    world = evening()
    world.pools["gpu"] = replace(world.pools["gpu"], stopped=True)
    world.nodes["gpu"] = 0
    world.run_until_done()
    world.now = MORNING
    world.run_until_done()
    assert "gpu" not in {name for name, _ in world.puts}
    assert world.shapes() == World().shapes()


def test_a_pool_that_was_stopped_while_asleep_blocks_and_the_others_wake() -> None:
    world = morning()
    world.pools["gpu"] = replace(world.pools["gpu"], stopped=True)
    world.expect_stalled("pool/gpu was stopped by hand: start it")
    assert (world.flag(), world.nodes["dev"]) == ("on", 2)
    world.pools["gpu"] = replace(world.pools["gpu"], stopped=False)
    world.run_until_done()
    assert_up(world)


@pytest.mark.parametrize("hours", [0, 1, 5])
def test_a_suppressed_pool_holds_no_other_up(hours: int) -> None:
    world = evening()
    world.pods.append(Pod(namespace="billing", name="report", node="dev-0"))
    world.app.failing = "OutOfSync: a webhook"
    world.tick()
    world.settle(minutes=60 * hours + 1)
    world.app.failing = ""
    world.expect_stalled("pods of others run on it: billing/report", code="not_ours")
    assert world.nodes == {**World().nodes, "gpu": 0}


def test_a_suppressed_pool_is_reported_on_waking_too() -> None:
    world = morning()
    world.pools["dev"] = replace(world.pools["dev"], mode="System")
    world.expect_stalled("its mode is System: only User pools sleep", rounds=60)
    assert (world.nodes["gpu"], world.flag()) == (1, "on")


def test_foreign_pods_do_not_keep_the_autoscaler_disabled() -> None:
    world = morning()
    while not world.nodes["dev"]:
        world.tick()
        world.settle()
    world.pods.append(Pod(namespace="billing", name="report", node="dev-0"))
    world.run_until_done()
    assert world.shapes() == World().shapes()


@pytest.mark.parametrize("lost", ["dev", "gpu"])
def test_a_pool_whose_tag_was_removed_wakes_from_the_ledgers_copy(lost: str) -> None:
    """Terraform and tag policies replace a pool's tags."""
    world = morning()
    world.untag(lost)
    world.run_until_done()
    assert_up(world)


def test_a_tag_that_is_removed_during_the_wake_is_restored_from_the_ledger() -> None:
    for rounds in range(1, 12):
        world = morning()
        for _ in range(rounds):
            world.tick()
            world.settle()
        world.untag("dev")
        world.run_until_done()
        assert_up(world)


def test_without_tag_and_ledger_the_wake_stalls_and_the_other_pools_wake() -> None:
    world = morning()
    world.untag("dev")
    world.ledgers.clear()
    world.expect_stalled("neither tag nor ledger says what pool/dev was", code="snapshot")
    assert (world.nodes["gpu"], world.flag()) == (1, "on")
    pool = world.pools["dev"]
    world.pools["dev"] = replace(pool, shape=Shape(2, Autoscaler(1, 3)), etag="99")
    world.nodes["dev"] = 2
    world.run_until_done()
    assert_up(world)


def test_without_tag_and_ledger_sleep_stalls() -> None:
    world = asleep()
    world.untag("dev")
    world.ledgers.clear()
    world.expect_stalled("neither tag nor ledger says what pool/dev was", rounds=2)


def test_a_pool_that_somebody_holds_at_0_stays_there() -> None:
    world = evening()
    world.pools["gpu"] = replace(world.pools["gpu"], shape=Shape(0, None))
    world.nodes["gpu"] = 0
    assert isinstance(world.run_until_done().outcome, Done)
    world.now = MORNING
    world.run_until_done()
    world.settle()
    assert isinstance(world.tick().outcome, Done)
    assert (world.nodes["gpu"], world.shapes()["gpu"]) == (0, Shape(0, None))
    assert world.nodes["dev"] == 2


def test_a_deleted_pool_keeps_no_other_from_waking() -> None:
    world = morning()
    del world.pools["gpu"], world.nodes["gpu"]
    world.expect_stalled("the cluster has no pool gpu", code="no_pool")
    assert (world.flag(), world.shapes()["dev"]) == ("on", World().shapes()["dev"])


def test_an_unparseable_tag_keeps_no_other_pool_from_waking() -> None:
    world = morning()
    pool = world.pools["gpu"]
    world.pools["gpu"] = replace(pool, shape=replace(pool.shape, tag="one node"))
    world.expect_stalled("pool/gpu says 'one node'", code="snapshot")
    assert (world.flag(), world.shapes()["dev"]) == ("on", World().shapes()["dev"])


def test_an_unparseable_ledger_keeps_nothing_from_waking() -> None:
    world = morning()
    world.unparseable_ledger = True
    world.expect_stalled("mend it by hand", code="rejected")
    assert (world.flag(), world.shapes()) == ("on", World().shapes())
    world.unparseable_ledger = False
    world.run_until_done()
    assert_up(world)
