from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from coppice.reconciler.outcome import Done, Stalled, Waiting
from coppice.reconciler.plan import Blocked, Plan, Wait
from scheduler.overrides import Override
from scheduler.pools import Autoscaler, Shape
from tests.unit.scheduler.states import asleep, assert_down, assert_up, evening, morning, untouched
from tests.unit.scheduler.world import EVENING, MORNING, Crash, World


def described(plan: Plan) -> list[str]:
    return [item.code if isinstance(item, Wait | Blocked) else str(item.changes[0]) for item in plan.items]


def count_calls(start: Callable[[], World]) -> int:
    world = start()
    before = world.calls
    world.run_until_done()
    return world.calls - before


def test_an_environment_sleeps_and_wakes_as_it_was() -> None:
    world = evening()
    world.run_until_done()
    assert_down(world)
    world.now = MORNING
    world.run_until_done()
    assert_up(world)
    assert world.commits[-1] == world.commits[0]  # byte for byte
    assert untouched(world)


def test_planning_from_the_achieved_state_is_empty() -> None:
    for world in (World(), asleep()):
        before = len(world.puts), len(world.commits), dict(world.ledgers)
        report = world.tick()
        assert isinstance(report.outcome, Done)
        assert report.results == ()
        assert (len(world.puts), len(world.commits), world.ledgers) == before


@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize("start", [evening, morning])
def test_after_a_crash_at_any_external_call_the_next_run_converges(
    start: Callable[[], World], quarter: int
) -> None:
    for call in range(1 + quarter, count_calls(start) + 1, 4):
        world = start()
        world.crash_after = world.calls + call
        with pytest.raises(Crash):
            world.run_until_done()
        world.run_until_done()
        (assert_down if start is evening else assert_up)(world)


@pytest.mark.parametrize("start", [evening, morning])
def test_after_a_change_of_direction_at_any_external_call_the_next_run_converges(
    start: Callable[[], World],
) -> None:
    for call in range(1, count_calls(start) + 1, 3):
        world = start()
        world.crash_after = world.calls + call
        with pytest.raises(Crash):
            world.run_until_done()
        world.overrides["dev"] = Override(
            environment="dev",
            state="on" if start is evening else "off",
            since=world.now,
            until=world.now + timedelta(hours=8),
        )
        world.run_until_done()
        (assert_up if start is evening else assert_down)(world)


def test_the_order_of_the_steps_down() -> None:
    world = evening()
    explained = World().reconciler().explain("dev")
    assert explained.next is not None
    plan = world.reconciler().plan(world.reconciler().observe("dev"))
    assert (
        described(plan)
        == described(explained.next)
        == [
            "note ledger/dev (goes to sleep)",
            "change pool/dev (remember count=2,min=1,max=3)",
            "operation",
            "change pool/gpu (remember count=1)",
            "operation",
            "commit acme/gitops@main (Put dev to sleep: dev.yaml)",
            "refresh Application/argocd/dev",
            "sync",
            "pods",
            "change pool/dev (autoscaler off)",
            "operation",
            "change pool/dev (count 2 to 0)",
            "operation",
            "change pool/gpu (count 1 to 0)",
            "operation",
        ]
    )


def test_the_order_of_the_steps_up() -> None:
    world = morning()
    assert described(world.reconciler().plan(world.reconciler().observe("dev"))) == [
        "note ledger/dev (wakes)",
        "change pool/dev (count 0 to 2)",
        "operation",
        "change pool/gpu (count 0 to 1)",
        "operation",
        "nodes",
        "commit acme/gitops@main (Wake dev: dev.yaml)",
        "refresh Application/argocd/dev",
        "sync",
        "change pool/dev (autoscaler 1 to 3)",
        "operation",
        "unhealthy",
        "change pool/dev (forget what it was)",
        "operation",
        "change pool/gpu (forget what it was)",
        "operation",
        "note ledger/dev (awake)",
    ]


def test_a_value_that_is_neither_on_nor_off_is_not_overwritten() -> None:
    world = evening()
    world.push("environment: {state: half}\n")
    report = world.tick()
    assert isinstance(report.outcome, Stalled)
    assert "is 'half': expected 'on' (on) or 'off' (off)" in report.outcome.why
    assert (world.puts, len(world.commits)) == ([], 2)
    world.now = MORNING
    assert isinstance(world.tick().outcome, Done)  # awake enough
    assert len(world.commits) == 2


def test_after_an_outage_the_current_level_decides() -> None:
    world = evening()
    world.now = EVENING + timedelta(days=1, hours=-6)  # nobody ticked all night
    assert isinstance(world.tick().outcome, Done)
    assert world.puts == []


def test_an_autoscaler_that_was_enabled_on_an_empty_pool_does_not_delay_the_wake() -> None:
    world = morning()
    pool = world.pools["dev"]
    world.pools["dev"] = replace(pool, shape=Shape(0, Autoscaler(0, 3), pool.shape.tag), etag="99")
    world.run_until_done()
    assert_up(world)


def test_an_environment_is_not_asleep_while_a_node_exists_or_an_operation_runs() -> None:
    world = asleep()
    world.ledgers.clear()
    world.nodes["dev"] = 1
    world.pools["prod"] = replace(world.pools["prod"], provisioning_state="Upgrading")
    outcome = world.tick().outcome
    assert isinstance(outcome, Waiting)
    assert outcome.why == "AKS does one operation at a time: pool/prod is Upgrading"
    world.pools["prod"] = replace(world.pools["prod"], provisioning_state="Succeeded")
    world.nodes["dev"] = 0
    world.pools["dev"] = replace(world.pools["dev"], provisioning_state="Updating")
    outcome = world.tick().outcome
    assert isinstance(outcome, Waiting)
    assert outcome.why == "pool/dev is Updating"
    world.settle()
    world.run_until_done()
    assert_down(world)
