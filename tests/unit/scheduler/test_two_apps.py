"""Two schedules on one cluster: each protects the other's pools, and leaves the other's ledger alone."""

import pytest

from coppice.reconciler.outcome import Done
from scheduler.pools import Autoscaler, Shape
from tests.unit.scheduler.states import asleep, assert_up, evening
from tests.unit.scheduler.world import MORNING, SCHEDULE, World

OTHERS = """\
protected_pools: [dev, gpu]
environments:
  production:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [ameide-prod]
    pools: [prod]
    state: [{file: dev.yaml, path: environment.state}]
    sync: [{argocd: argocd/prod}]
"""


def other_ticks(world: World) -> str:
    """What the other app's tick says."""
    world.schedule = OTHERS
    report = world.reconciler().wake_orphans()
    world.schedule = SCHEDULE
    return "" if report is None else report.outcome.why


def test_nothing_of_a_night_is_touched_by_the_other() -> None:
    world = evening()
    for _ in range(40):
        other_ticks(world)
        if isinstance(world.tick().outcome, Done):
            break
        world.settle()
    assert len(world.ledgers["dev"].sleep_periods) == 0
    assert world.ledgers["dev"].asleep is not None
    before = dict(world.ledgers)
    pools = dict(world.pools)
    other_ticks(world)
    assert (world.ledgers, world.pools) == (before, pools)

    world.now = MORNING
    for _ in range(40):
        other_ticks(world)
        if isinstance(world.tick().outcome, Done):
            break
        world.settle()
    assert_up(world)
    assert len(world.ledgers["dev"].wakes) == 1


def test_an_evening_that_waits_for_azure_is_not_closed_by_the_other() -> None:
    """Its pools bear no tag yet: the ledger alone says that something is under way, and since when."""
    world = evening()
    world.begin("prod", Shape(4, Autoscaler(3, 8)))
    world.tick()
    before = dict(world.ledgers)
    assert before["dev"].transition is not None
    assert other_ticks(world) == ""
    assert world.ledgers == before


@pytest.mark.parametrize("lost", ["dev", "gpu"])
def test_a_pool_that_lost_its_tag_is_the_others_all_the_same(lost: str) -> None:
    world = asleep()
    world.untag(lost)
    before = (dict(world.ledgers), world.shapes())
    assert "it is in protected_pools" in other_ticks(world)
    assert (world.ledgers, world.shapes()) == before


def test_a_ledger_whose_pools_are_not_all_protected_is_an_orphan() -> None:
    world = asleep()
    world.schedule = OTHERS.replace("[dev, gpu]", "[dev]")
    for _ in range(12):
        world.reconciler().wake_orphans()
        world.settle()
    assert world.shapes()["dev"].count == 0
    assert world.shapes()["gpu"].count == 1
