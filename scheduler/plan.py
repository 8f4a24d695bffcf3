"""The plan for one environment: which way, and the steps that are left. It decides and touches nothing."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from loop.plan import Gate, Item, Plan, Stop
from loop.reading import Unknown, standing
from scheduler import down, up
from scheduler.calendar import level
from scheduler.observe import Observed
from scheduler.schedule import Schedule
from scheduler.waits import listed, unread

PATIENCE = timedelta(minutes=30)


def plan(seen: Observed, *, schedule: Schedule, now: datetime) -> Plan:
    """Plan what brings one environment to where the calendar wants it.

    Args:
        seen: what was observed.
        schedule: the schedule.
        now: the time.

    Returns:
        The plan; empty if the environment is as it should be.
    """
    wanted = level(schedule, seen.name, standing(seen.overrides) or (), now)
    if isinstance(seen.overrides, Unknown) and not wanted.awake:
        barrier = unread(seen.overrides)  # somebody may have asked for it to be awake
        return Plan(() if barrier is None else (barrier,), note=wanted.why)
    return towards(seen, awake=wanted.awake, why=wanted.why, now=now)


def towards(seen: Observed, *, awake: bool, why: str, now: datetime) -> Plan:
    """Plan one way, whatever the calendar says: for the next change's exact steps.

    Args:
        seen: what was observed.
        awake: which way.
        why: the reason, for people.
        now: the time.

    Returns:
        The plan.
    """
    barrier = unread(seen.ledger, *(each.head for each in seen.flags), seen.pools) or _wrong(seen)
    ledger = standing(seen.ledger)
    if barrier is not None or ledger is None:
        return Plan((barrier,) if barrier else (), note=why)
    direction = "up" if awake else "down"
    moving = ledger.move is not None and ledger.move.direction == direction
    late = now - ledger.move.began if moving and ledger.move is not None else timedelta()
    overdue = late > PATIENCE
    items = (up if awake else down).items(seen, ledger, why=why, now=now, overdue=overdue)
    return Plan(tuple(_impatient(items, late)) if overdue else items, note=why)


def _wrong(seen: Observed) -> Stop | None:
    """What nobody but a person can put right about the pools."""
    standing_ = {pool.name: pool for pool in seen.own_pools}
    missing = [name for name in seen.environment.pools if name not in standing_]
    if missing:
        return Stop(f"the cluster has no pool {listed(missing)}: correct the schedule", "no_pool")
    spoilt = [f"{pool} says {pool.shape.tag!r}" for pool in standing_.values() if pool.spoilt]
    if spoilt:
        why = f"what is to be restored cannot be read: {listed(spoilt)}: correct the tag, or delete it"
        return Stop(why, "snapshot")
    return None


def _impatient(items: Iterable[Item], late: timedelta) -> Iterable[Item]:
    """What has not come true for too long is stuck: it is still looked at at every tick, and said."""
    for item in items:
        match item:
            case Gate(why, code):
                yield Stop(f"{why}; for {late // timedelta(minutes=1)} minutes now", code)
            case _:
                yield item
