"""The states in which tests begin and end: due to sleep, asleep, due to wake."""

from copy import deepcopy
from functools import cache

from scheduler.ledger import Ledger
from scheduler.pools import Shape
from tests.unit.scheduler.world import EVENING, MORNING, World


def evening() -> World:
    return World(now=EVENING)


@cache
def _asleep() -> World:
    world = evening()
    world.run_until_done()
    return world


def asleep() -> World:
    return deepcopy(_asleep())


def morning() -> World:
    world = asleep()
    world.now = MORNING
    return world


def assert_down(world: World) -> None:
    assert world.flag() == "off"
    assert (world.nodes["dev"], world.nodes["gpu"]) == (0, 0)
    assert world.shapes()["dev"] == Shape(0, None, "count=2,min=1,max=3")
    assert world.shapes()["gpu"] == Shape(0, None, "count=1")
    assert world.ledgers["dev"].asleep is not None


def assert_up(world: World) -> None:
    assert world.flag() == "on"
    assert world.shapes() == World().shapes()
    assert world.nodes == World().nodes
    assert all(pod.ready for pod in world.pods)
    ledger = world.ledgers.get("dev", Ledger(environment="dev"))
    assert (ledger.transition, ledger.asleep) == (None, None)


def untouched(world: World) -> bool:
    return not {name for name, _ in world.puts} & {"system", "prod"}
