"""The plan for one environment: which way, and the steps that are left. It decides and touches nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from coppice.reconciler.observation import Standing, Unknown, standing
from coppice.reconciler.plan import Gate, Item, Plan, Stop, Wave
from scheduler import sleep, wake
from scheduler.barriers import unread
from scheduler.calendar import level
from scheduler.ledger import Ledger, Note
from scheduler.observe import Observed
from scheduler.pools import Reshape
from scheduler.schedule import Schedule
from scheduler.shared_flags import held
from scheduler.snapshots import admitted, recollected, unfit, without

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
    if not wanted.awake:
        overrides = standing(seen.overrides) or ()
        held_up = unread(seen.shared) or held(
            seen.shared, seen.name, schedule=schedule, overrides=overrides, now=now
        )
        if held_up is not None:
            return Plan((held_up,), note=wanted.why)
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
    barrier = unread(*(each.head for each in seen.flags), seen.pools)
    noted = unread(seen.ledger)
    if barrier is None and (isinstance(noted, Gate) or not awake):
        barrier = noted
    if barrier is not None:
        return Plan((barrier,), note=why)
    ledger = standing(seen.ledger) or Ledger(environment=seen.name)
    seen = recollected(seen, ledger)
    ledger = admitted(seen, ledger)
    names, stop = unfit(seen, ledger, awake=awake)
    if stop is not None and not awake:
        return Plan((stop,), note=why)
    overdue = late(seen, awake=awake, now=now) > PATIENCE
    if noted is not None:  # without a ledger nothing tells that it wakes: then its health is not looked at
        seen = replace(seen, in_namespaces=Standing(()))
    items = (wake if awake else sleep).items(without(seen, names), ledger, why=why, now=now, overdue=overdue)
    claims = [each for each in (noted, stop) if each is not None]
    return Plan(tuple(_unless(items, claims, unwritable=noted is not None)), note=why)


def late(seen: Observed, *, awake: bool, now: datetime) -> timedelta:
    """How long the environment has been on its way."""
    ledger, direction = standing(seen.ledger), "up" if awake else "down"
    moving = ledger is not None and ledger.move is not None and ledger.move.direction == direction
    return now - ledger.move.began if moving and ledger and ledger.move else timedelta()


def _unless(items: Iterable[Item], wrong: Sequence[Gate | Stop], *, unwritable: bool) -> Iterator[Item]:
    """What is right wakes; what is wrong is said after it, and nothing claims that all is awake."""
    left = list(wrong)
    for item in items:
        if isinstance(item, Stop):
            yield from left  # the cause comes first
            left = []
        notes = [each for each in item.changes if isinstance(each, Note)] if isinstance(item, Wave) else []
        if not (wrong and any(unwritable or each.ledger.move is None for each in notes)):
            yield item
    yield from left


def impatient(plan: Plan, seen: Observed, *, awake: bool, now: datetime) -> Plan:
    """What has not come true for too long is stuck: it is still looked at at every tick, and said.

    Args:
        plan: a plan from which has been struck what may not be done: that must not hold the rest up.
        seen: what it was made from.
        awake: which way.
        now: the time.
    """
    waited = late(seen, awake=awake, now=now)
    if waited <= PATIENCE:
        return plan
    minutes = waited // timedelta(minutes=1)
    # What was struck out may be the cause.
    reasons = [f"{each.change}: {each.why}" for each in plan.struck if isinstance(each.change, Reshape)]

    def stuck(item: Item) -> Item:
        match item:
            case Gate(why, code):
                return Stop("; ".join([f"{why}; for {minutes} minutes now", *reasons]), code)
            case Stop(why, code):
                return Stop("; ".join([why, *reasons]), code)
            case _:
                return item

    return replace(plan, items=tuple(map(stuck, plan.items)))
