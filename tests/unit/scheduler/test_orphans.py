"""Pools and environments that leave the schedule while they sleep."""

from dataclasses import replace

import pytest

from coppice.reconciler.outcome import Stalled
from scheduler.pools import Autoscaler, Shape
from tests.unit.scheduler.states import asleep, morning
from tests.unit.scheduler.world import SCHEDULE, World

NO_GPU = SCHEDULE.replace("pools: [dev, gpu]", "pools: [dev]")
RENAMED = SCHEDULE.replace("  dev:\n    awake", "  development:\n    awake")
REMOVED = RENAMED.replace("pools: [dev, gpu]", "pools: []")


def tick_repeatedly(world: World, *, rounds: int = 12) -> list[str]:
    reasons = []
    for _ in range(rounds):
        report = world.reconciler().wake_orphans()
        reasons += [] if report is None else [report.outcome.why]
        world.settle(minutes=5)
    return reasons


def test_what_the_schedule_names_is_no_orphan() -> None:
    for world in (World(), asleep(), morning()):
        assert tick_repeatedly(world, rounds=1) == []
        assert world.reconciler().wake_orphans() is None


@pytest.mark.parametrize("untagged", [False, True])
def test_a_pool_that_was_taken_out_of_its_list_is_reported_and_woken(untagged: bool) -> None:
    world = asleep()
    world.schedule = NO_GPU
    if untagged:
        world.untag("gpu")
    assert "asleep, and in no schedule: pool/gpu" in tick_repeatedly(world)[0]
    assert (world.shapes()["gpu"], world.nodes["gpu"]) == (Shape(1, None), 1)
    assert world.shapes()["dev"].count == 0
    assert world.reconciler().wake_orphans() is None


def test_an_environment_that_was_removed_is_reported_and_its_pools_wake() -> None:
    world = asleep()
    world.schedule = REMOVED
    first = tick_repeatedly(world)[0]
    assert "pool/dev, pool/gpu, environment dev; its flag in Git is to be set by hand" in first
    assert (world.shapes(), world.nodes) == (World().shapes(), World().nodes)
    assert (world.ledgers["dev"].asleep, world.ledgers["dev"].transition) == (None, None)
    assert len(world.ledgers["dev"].sleep_periods) == 1
    assert world.reconciler().wake_orphans() is None


def test_an_environment_that_was_renamed_sleeps_on_under_its_new_name() -> None:
    world = asleep()
    world.schedule = RENAMED
    tick_repeatedly(world)
    assert world.shapes()["dev"] == Shape(0, None, "count=2,min=1,max=3")
    assert world.ledgers["dev"].asleep is None


def test_a_protected_pool_is_reported_at_every_tick_and_not_woken() -> None:
    world = asleep()
    world.schedule = NO_GPU.replace("protected_pools: [prod]", "protected_pools: [prod, gpu]")
    reasons = tick_repeatedly(world, rounds=3)
    assert len(reasons) == 3
    assert "it is in protected_pools" in reasons[0]
    assert world.shapes()["gpu"] == Shape(0, None, "count=1")


def test_an_unparseable_tag_blocks_and_nothing_is_guessed() -> None:
    world = asleep()
    world.schedule = NO_GPU
    world.untag("gpu")
    world.tag("gpu", "one")
    report = world.reconciler().wake_orphans()
    assert report is not None
    assert isinstance(report.outcome, Stalled)
    assert world.puts[-1] != ("gpu", Shape(1, None))


@pytest.mark.parametrize("stopped", [True, False])
def test_a_pool_that_azure_would_not_scale_blocks_and_the_others_wake(stopped: bool) -> None:
    world = asleep()
    world.schedule = REMOVED
    world.pools["dev"] = replace(world.pools["dev"], stopped=stopped, uncounted=not stopped)
    world.puts.clear()
    reasons = tick_repeatedly(world)
    assert "pool/dev" in reasons[-1]
    assert ("az aks nodepool start" in reasons[-1]) is stopped
    assert {name for name, _ in world.puts} == {"gpu"}
    assert world.shapes()["gpu"] == Shape(1, None)


def test_other_operations_are_waited_for() -> None:
    world = asleep()
    world.schedule = NO_GPU
    world.begin("prod", Shape(4, Autoscaler(3, 8)))
    before = list(world.puts)
    report = world.reconciler().wake_orphans()
    assert report is not None
    assert "pool/prod is Updating" in report.outcome.why
    assert world.puts == before


def test_an_unparseable_ledger_is_reported_at_every_tick() -> None:
    world = asleep()
    world.unparseable_ledger = True
    reasons = tick_repeatedly(world, rounds=2)
    assert reasons == ["not read: ConfigMap ledger-dev cannot be read: mend it by hand"] * 2
