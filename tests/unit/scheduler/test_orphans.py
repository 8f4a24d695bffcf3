"""What falls asleep and then leaves the schedule."""

from dataclasses import replace

import pytest

from coppice.reconciler.outcome import Stalled
from scheduler.pools import Autoscaler, Shape
from tests.unit.scheduler.states import asleep, morning
from tests.unit.scheduler.world import SCHEDULE, World

NO_GPU = SCHEDULE.replace("pools: [dev, gpu]", "pools: [dev]")
RENAMED = SCHEDULE.replace("  dev:\n    awake", "  development:\n    awake")
REMOVED = RENAMED.replace("pools: [dev, gpu]", "pools: []")


def ticks(world: World, *, rounds: int = 12) -> list[str]:
    said = []
    for _ in range(rounds):
        report = world.reconciler().wake_orphans()
        said += [] if report is None else [report.outcome.why]
        world.settle(minutes=5)
    return said


def test_nothing_is_an_orphan_while_the_schedule_names_it() -> None:
    for world in (World(), asleep(), morning()):
        assert ticks(world, rounds=1) == []
        assert world.reconciler().wake_orphans() is None


@pytest.mark.parametrize("untagged", [False, True])
def test_a_pool_that_left_the_list_while_it_slept_is_said_and_woken(untagged: bool) -> None:
    world = asleep()
    world.schedule = NO_GPU
    if untagged:
        world.untag("gpu")
    assert "asleep, and in no schedule: pool/gpu" in ticks(world)[0]
    assert (world.shapes()["gpu"], world.nodes["gpu"]) == (Shape(1, None), 1)
    assert world.shapes()["dev"].count == 0
    assert world.reconciler().wake_orphans() is None


def test_an_environment_that_was_removed_is_said_with_its_flag_and_its_pools_wake() -> None:
    world = asleep()
    world.schedule = REMOVED
    first = ticks(world)[0]
    assert "pool/dev, pool/gpu, environment dev; its flag in Git is to be set by hand" in first
    assert (world.shapes(), world.nodes) == (World().shapes(), World().nodes)
    assert (world.ledgers["dev"].asleep, world.ledgers["dev"].transition) == (None, None)
    assert len(world.ledgers["dev"].sleep_periods) == 1
    assert world.reconciler().wake_orphans() is None


def test_an_environment_that_was_renamed_sleeps_on_under_its_new_name() -> None:
    world = asleep()
    world.schedule = RENAMED
    ticks(world)
    assert world.shapes()["dev"] == Shape(0, None, "count=2,min=1,max=3")
    assert world.ledgers["dev"].asleep is None


def test_a_protected_pool_is_said_at_every_tick_and_not_woken() -> None:
    world = asleep()
    world.schedule = NO_GPU.replace("protected_pools: [prod]", "protected_pools: [prod, gpu]")
    said = ticks(world, rounds=3)
    assert len(said) == 3
    assert "it is in protected_pools" in said[0]
    assert world.shapes()["gpu"] == Shape(0, None, "count=1")


def test_a_tag_that_cannot_be_read_is_said_and_nobody_guesses() -> None:
    world = asleep()
    world.schedule = NO_GPU
    world.untag("gpu")
    world.tag("gpu", "one")
    report = world.reconciler().wake_orphans()
    assert report is not None
    assert isinstance(report.outcome, Stalled)
    assert world.puts[-1] != ("gpu", Shape(1, None))


@pytest.mark.parametrize("stopped", [True, False])
def test_a_pool_that_azure_would_not_scale_is_said_and_holds_no_other_up(stopped: bool) -> None:
    world = asleep()
    world.schedule = REMOVED
    world.pools["dev"] = replace(world.pools["dev"], stopped=stopped, uncounted=not stopped)
    world.puts.clear()
    said = ticks(world)
    assert "pool/dev" in said[-1]
    assert ("az aks nodepool start" in said[-1]) is stopped
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
