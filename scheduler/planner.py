"""The plan for one environment: the direction, and the steps that are left. Planning is pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from coppice.reconciler.observation import Present, Unknown, present
from coppice.reconciler.plan import Blocked, Item, Plan, Wait, Wave
from scheduler import sleep, wake
from scheduler.barriers import unknown_barrier
from scheduler.calendar import level
from scheduler.ledger import Ledger, WriteLedger
from scheduler.observe import Observed
from scheduler.pools import Reshape
from scheduler.schedule import Schedule
from scheduler.shared_flags import sharing_barrier
from scheduler.snapshots import unusable_pools, with_ledger_tags, with_lost_snapshots, without_pools

OVERDUE_AFTER = timedelta(minutes=30)


def plan(observed: Observed, *, schedule: Schedule, now: datetime) -> Plan:
    """Plan what brings one environment to the level of the calendar.

    Args:
        observed: what was observed.
        schedule: the schedule.
        now: the time.

    Returns:
        The plan; empty if the environment is at that level.
    """
    overrides = present(observed.overrides) or ()
    desired = level(schedule, observed.name, overrides, now)
    if desired.awake:
        return plan_transition(observed, awake=True, why=desired.why, now=now)
    if isinstance(observed.overrides, Unknown):
        barrier = unknown_barrier(observed.overrides)  # an override may keep the environment awake
        return Plan(() if barrier is None else (barrier,), note=desired.why)
    barrier = unknown_barrier(observed.shared) or sharing_barrier(
        observed.shared, observed.name, schedule=schedule, overrides=overrides, now=now
    )
    if barrier is not None:
        return Plan((barrier,), note=desired.why)
    return plan_transition(observed, awake=False, why=desired.why, now=now)


def plan_transition(observed: Observed, *, awake: bool, why: str, now: datetime) -> Plan:
    """Plan one direction, whatever the calendar says. It also gives the exact steps of the next change.

    Args:
        observed: what was observed.
        awake: whether the environment wakes.
        why: the reason, for people.
        now: the time.

    Returns:
        The plan.
    """
    barrier = unknown_barrier(*(each.head for each in observed.flags), observed.pools)
    no_ledger = unknown_barrier(observed.ledger)
    if barrier is None and (isinstance(no_ledger, Wait) or not awake):
        barrier = no_ledger
    if barrier is not None:
        return Plan((barrier,), note=why)
    ledger = present(observed.ledger) or Ledger(environment=observed.name)
    observed = with_ledger_tags(observed, ledger)
    ledger = with_lost_snapshots(observed, ledger)
    unusable, blocked = unusable_pools(observed, ledger, awake=awake)
    if blocked is not None and not awake:
        return Plan((blocked,), note=why)
    overdue = transition_age(observed, awake=awake, now=now) > OVERDUE_AFTER
    if no_ledger is not None:  # a wake is not recorded, so the pods were not observed: ignore their health
        observed = replace(observed, in_namespaces=Present(()))
    items = (wake if awake else sleep).items(
        without_pools(observed, unusable), ledger, why=why, now=now, overdue=overdue
    )
    problems = [each for each in (no_ledger, blocked) if each is not None]
    return Plan(tuple(_with_problems(items, problems, ledger_unknown=no_ledger is not None)), note=why)


def transition_age(observed: Observed, *, awake: bool, now: datetime) -> timedelta:
    """How long the transition in this direction has been under way; 0 if it has not begun."""
    ledger, direction = present(observed.ledger), "up" if awake else "down"
    transition = ledger.transition if ledger is not None else None
    if transition is None or transition.direction != direction:
        return timedelta()
    return now - transition.began


def _with_problems(
    items: Iterable[Item], problems: Sequence[Wait | Blocked], *, ledger_unknown: bool
) -> Iterator[Item]:
    """Add the problems to a plan for the rest of the environment.

    The rest wakes in spite of the problems. They are reported after it, and no ledger is written that says
    that the transition is complete.
    """
    left = list(problems)
    for item in items:
        if isinstance(item, Blocked):
            yield from left  # the cause comes first
            left = []
        writes = (
            [each for each in item.changes if isinstance(each, WriteLedger)] if isinstance(item, Wave) else []
        )
        if not (problems and any(ledger_unknown or each.ledger.transition is None for each in writes)):
            yield item
    yield from left


def block_if_overdue(plan: Plan, observed: Observed, *, awake: bool, now: datetime) -> Plan:
    """Turn every wait into a block once the transition is overdue. It is still observed at every tick.

    Args:
        plan: a plan in which ownership has been enforced: a suppressed change must not hold up the rest.
        observed: what the plan was made from.
        awake: whether the environment wakes.
        now: the time.
    """
    age = transition_age(observed, awake=awake, now=now)
    if age <= OVERDUE_AFTER:
        return plan
    minutes = age // timedelta(minutes=1)
    # A suppressed change may be the cause.
    reasons = [f"{each.change}: {each.why}" for each in plan.suppressed if isinstance(each.change, Reshape)]

    def block(item: Item) -> Item:
        match item:
            case Wait(why, code):
                return Blocked("; ".join([f"{why}; for {minutes} minutes now", *reasons]), code)
            case Blocked(why, code):
                return Blocked("; ".join([why, *reasons]), code)
            case _:
                return item

    return replace(plan, items=tuple(map(block, plan.items)))
