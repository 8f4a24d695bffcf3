"""Random histories: whatever happens, the environment ends at the level of the calendar."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Literal, TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coppice.reconciler.errors import Conflict, Failure, Throttled, Unreachable
from scheduler.calendar import level
from scheduler.documents import put
from scheduler.overrides import Override
from scheduler.pools import Autoscaler, Shape
from tests.unit.scheduler.world import PATH, Crash, World, loaded

Event: TypeAlias = Callable[[World], None]

FAILURES: tuple[Callable[[], Failure], ...] = (
    lambda: Throttled("slow down", retry_after=5),
    lambda: Unreachable("no answer"),
    lambda: Conflict("lost a race"),
)


def tick(world: World) -> None:
    world.tick()


def crash(after: int) -> Event:
    def happen(world: World) -> None:
        world.crash_after = world.calls + after
        with suppress(Crash):
            world.tick()
        world.crash_after = None

    return happen


def wait(minutes: int) -> Event:
    return lambda world: world.settle(minutes=minutes)


def fail(which: int, times: int, first: int) -> Event:
    """Let some calls in a row fail, beginning with a write after some that succeed."""

    def happen(world: World) -> None:
        world.before_write = [lambda: None] * first + [
            lambda: world.failures.extend(FAILURES[which]() for _ in range(times))
        ]
        world.tick()

    return happen


def override(state: Literal["on", "off"], hours: int) -> Event:
    def happen(world: World) -> None:
        world.overrides["dev"] = Override(
            environment="dev", state=state, since=world.now, until=world.now + timedelta(hours=hours)
        )

    return happen


def race(world: World) -> None:
    """Let somebody push between the observation and the commit."""
    world.before_write = [lambda: world.push(world.commits[-1] + "# more\n")]
    world.tick()


def switch_by_hand(state: Literal["on", "off"]) -> Event:
    return lambda world: world.push(put(world.commits[-1], PATH, state))


def reshape_by_hand(max_count: int) -> Event:
    """Let somebody set the autoscaler. Awake, that is the shape to restore; asleep, it is not."""

    def happen(world: World) -> None:
        ledger = world.ledgers.get("dev")
        pool = world.pools["dev"]
        is_awake = ledger is None or (ledger.transition is None and ledger.asleep is None)
        sleeps = ledger is not None and ledger.asleep is not None and pool.down
        if pool.busy or not (sleeps or (is_awake and not pool.shape.tag and pool.shape.count)):
            return
        count = 1 if sleeps else pool.shape.count
        shape = Shape(count, Autoscaler(1, max_count), pool.shape.tag)
        world.pools["dev"] = replace(pool, shape=shape, etag=str(int(pool.etag) + 1))
        world.nodes["dev"] = count
        if not sleeps:
            world.expected = shape

    return happen


def slow_argo_cd(settles: int) -> Event:
    def happen(world: World) -> None:
        world.app.slow, world.app.one_behind = settles, settles > 1

    return happen


EVENTS = st.one_of(
    st.just(tick),
    st.builds(crash, st.integers(1, 40)),
    st.builds(wait, st.sampled_from([1, 5, 40, 240, 600])),
    st.builds(fail, st.integers(0, 2), st.integers(1, 3), st.integers(0, 3)),
    st.builds(override, st.sampled_from(["on", "off"]), st.sampled_from([1, 8, 400])),
    st.just(race),
    st.builds(switch_by_hand, st.sampled_from(["on", "off"])),
    st.builds(reshape_by_hand, st.integers(2, 5)),
    st.builds(slow_argo_cd, st.integers(0, 3)),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(start=st.integers(0, 7 * 24), history=st.lists(EVENTS, max_size=25))
def test_every_history_converges_to_the_level_of_the_calendar(start: int, history: list[Event]) -> None:
    world = World()
    world.now += timedelta(hours=start)
    for event in history:
        event(world)  # the world asserts what must never happen
    world.failures, world.before_write = [], []
    world.run_until_done()
    awake = level(loaded(world.schedule), "dev", list(world.overrides.values()), world.now).awake
    awake_world = World()
    dev, gpu = world.expected, awake_world.pools["gpu"].shape
    assert world.flag() == ("on" if awake else "off")
    if awake:
        assert world.pools["dev"].shape == dev
        assert world.pools["gpu"].shape == gpu
        assert world.nodes == awake_world.nodes
        assert all(pod.ready for pod in world.pods)
    else:
        assert dev.autoscaler is not None
        tag = f"count={dev.count},min={dev.autoscaler.min_count},max={dev.autoscaler.max_count}"
        assert world.pools["dev"].shape == Shape(0, None, tag)
        assert world.pools["gpu"].shape == Shape(0, None, f"count={gpu.count}")
        assert (world.nodes["dev"], world.nodes["gpu"], world.pods) == (0, 0, [])
    assert {name: world.pools[name] for name in ("system", "prod")} == {
        name: awake_world.pools[name] for name in ("system", "prod")
    }
