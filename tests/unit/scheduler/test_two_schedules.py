"""Two schedules on one cluster: each protects the other's pools, and leaves the other's ledger alone."""

import pytest

from coppice.reconciler.outcome import Done
from scheduler.pools import Autoscaler, Shape
from tests.unit.scheduler.states import asleep, assert_up, evening
from tests.unit.scheduler.world import MORNING, SCHEDULE, World

OTHER_SCHEDULE = """\
protected_pools: [dev, gpu]
environments:
  production:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [ameide-prod]
    pools: [prod]
    state: [{file: dev.yaml, path: environment.state}]
    sync: [{argocd: argocd/prod}]
"""


def tick_other_schedule(world: World) -> str:
    """Run a tick of the other app; returns its reason."""
    world.schedule = OTHER_SCHEDULE
    report = world.reconciler().wake_orphans()
    world.schedule = SCHEDULE
    return "" if report is None else report.outcome.why


def test_another_schedule_changes_nothing_of_a_sleep_period() -> None:
    world = evening()
    for _ in range(40):
        tick_other_schedule(world)
        if isinstance(world.tick().outcome, Done):
            break
        world.settle()
    assert len(world.ledgers["dev"].sleep_periods) == 0
    assert world.ledgers["dev"].asleep is not None
    before = dict(world.ledgers)
    pools = dict(world.pools)
    tick_other_schedule(world)
    assert (world.ledgers, world.pools) == (before, pools)

    world.now = MORNING
    for _ in range(40):
        tick_other_schedule(world)
        if isinstance(world.tick().outcome, Done):
            break
        world.settle()
    assert_up(world)
    assert len(world.ledgers["dev"].wakes) == 1


def test_another_schedule_does_not_end_a_transition_that_waits_for_azure() -> None:
    """Its pools have no tag yet: only the ledger says that a transition is under way, and since when."""
    world = evening()
    world.begin("prod", Shape(4, Autoscaler(3, 8)))
    world.tick()
    before = dict(world.ledgers)
    assert before["dev"].transition is not None
    assert tick_other_schedule(world) == ""
    assert world.ledgers == before


@pytest.mark.parametrize("lost", ["dev", "gpu"])
def test_a_protected_pool_that_lost_its_tag_is_left_alone(lost: str) -> None:
    world = asleep()
    world.untag(lost)
    before = (dict(world.ledgers), world.shapes())
    assert "it is in protected_pools" in tick_other_schedule(world)
    assert (world.ledgers, world.shapes()) == before


def test_a_ledger_whose_pools_are_not_all_protected_is_an_orphan() -> None:
    world = asleep()
    world.schedule = OTHER_SCHEDULE.replace("[dev, gpu]", "[dev]")
    for _ in range(12):
        world.reconciler().wake_orphans()
        world.settle()
    assert world.shapes()["dev"].count == 0
    assert world.shapes()["gpu"].count == 1
