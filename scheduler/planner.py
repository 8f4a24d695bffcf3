"""The plan for one environment: which way, and the steps that are left. It decides and touches nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from coppice.reconciler.observation import Present, Unknown, present
from coppice.reconciler.plan import Blocked, Item, Plan, Wait, Wave
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


def plan(observed: Observed, *, schedule: Schedule, now: datetime) -> Plan:
    """Plan what brings one environment to where the calendar wants it.

    Args:
        observed: what was observed.
        schedule: the schedule.
        now: the time.

    Returns:
        The plan; empty if the environment is as it should be.
    """
    wanted = level(schedule, observed.name, present(observed.overrides) or (), now)
    if isinstance(observed.overrides, Unknown) and not wanted.awake:
        barrier = unread(observed.overrides)  # somebody may have asked for it to be awake
        return Plan(() if barrier is None else (barrier,), note=wanted.why)
    if not wanted.awake:
        overrides = present(observed.overrides) or ()
        held_up = unread(observed.shared) or held(
            observed.shared, observed.name, schedule=schedule, overrides=overrides, now=now
        )
        if held_up is not None:
            return Plan((held_up,), note=wanted.why)
    return towards(observed, awake=wanted.awake, why=wanted.why, now=now)


def towards(observed: Observed, *, awake: bool, why: str, now: datetime) -> Plan:
    """Plan one way, whatever the calendar says: for the next change's exact steps.

    Args:
        observed: what was observed.
        awake: which way.
        why: the reason, for people.
        now: the time.

    Returns:
        The plan.
    """
    barrier = unread(*(each.head for each in observed.flags), observed.pools)
    noted = unread(observed.ledger)
    if barrier is None and (isinstance(noted, Wait) or not awake):
        barrier = noted
    if barrier is not None:
        return Plan((barrier,), note=why)
    ledger = present(observed.ledger) or Ledger(environment=observed.name)
    observed = recollected(observed, ledger)
    ledger = admitted(observed, ledger)
    names, stop = unfit(observed, ledger, awake=awake)
    if stop is not None and not awake:
        return Plan((stop,), note=why)
    overdue = late(observed, awake=awake, now=now) > PATIENCE
    if noted is not None:  # without a ledger nothing tells that it wakes: then its health is not looked at
        observed = replace(observed, in_namespaces=Present(()))
    items = (wake if awake else sleep).items(
        without(observed, names), ledger, why=why, now=now, overdue=overdue
    )
    claims = [each for each in (noted, stop) if each is not None]
    return Plan(tuple(_unless(items, claims, unwritable=noted is not None)), note=why)


def late(observed: Observed, *, awake: bool, now: datetime) -> timedelta:
    """How long the environment has been on its way."""
    ledger, direction = present(observed.ledger), "up" if awake else "down"
    moving = ledger is not None and ledger.move is not None and ledger.move.direction == direction
    return now - ledger.move.began if moving and ledger and ledger.move else timedelta()


def _unless(items: Iterable[Item], wrong: Sequence[Wait | Blocked], *, unwritable: bool) -> Iterator[Item]:
    """What is right wakes; what is wrong is said after it, and nothing claims that all is awake."""
    left = list(wrong)
    for item in items:
        if isinstance(item, Blocked):
            yield from left  # the cause comes first
            left = []
        notes = [each for each in item.changes if isinstance(each, Note)] if isinstance(item, Wave) else []
        if not (wrong and any(unwritable or each.ledger.move is None for each in notes)):
            yield item
    yield from left


def impatient(plan: Plan, observed: Observed, *, awake: bool, now: datetime) -> Plan:
    """What has not come true for too long is stuck: it is still looked at at every tick, and said.

    Args:
        plan: a plan from which has been struck what may not be done: that must not hold the rest up.
        observed: what it was made from.
        awake: which way.
        now: the time.
    """
    waited = late(observed, awake=awake, now=now)
    if waited <= PATIENCE:
        return plan
    minutes = waited // timedelta(minutes=1)
    # What was struck out may be the cause.
    reasons = [f"{each.change}: {each.why}" for each in plan.suppressed if isinstance(each.change, Reshape)]

    def stuck(item: Item) -> Item:
        match item:
            case Wait(why, code):
                return Blocked("; ".join([f"{why}; for {minutes} minutes now", *reasons]), code)
            case Blocked(why, code):
                return Blocked("; ".join([why, *reasons]), code)
            case _:
                return item

    return replace(plan, items=tuple(map(stuck, plan.items)))
