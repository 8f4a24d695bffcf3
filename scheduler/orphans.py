"""What sleeps and no environment names: one that was renamed or removed, a pool that was taken out of a list.

Nothing would ever wake it. So it is looked for at every tick, said, and woken; a pool in `protected_pools` is
left alone. The flag of an environment that the schedule has forgotten is known to nobody here.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from coppice.reconciler.observation import Present, Reading, present
from coppice.reconciler.plan import Blocked, Item, Plan, Wait, wave
from scheduler.barriers import OPERATION, listed, unread
from scheduler.ledger import Ledger, Note
from scheduler.ownership import enforce_orphan_ownership
from scheduler.pools import Pool, Reshape
from scheduler.schedule import Schedule
from scheduler.snapshots import with_tag
from scheduler.wake import raised, restored

_SOON = 15.0  # seconds: an operation of AKS


@dataclass(frozen=True, kw_only=True)
class Orphans:
    """All pools and all ledgers, among which orphans are looked for."""

    pools: Reading[tuple[Pool, ...]]
    ledgers: Reading[tuple[Reading[Ledger], ...]]


def plan(seen: Orphans, *, schedule: Schedule, now: datetime) -> Plan:
    """Plan what wakes orphans, one change at a time.

    Args:
        seen: what was observed.
        schedule: the schedule.
        now: the time.

    Returns:
        The plan, policed; empty if there are none.
    """
    barrier = unread(seen.pools, seen.ledgers)
    if barrier is not None:
        return Plan((barrier,))
    found = present(seen.ledgers) or ()
    all_ledgers = [each.value for each in found if isinstance(each, Present)]
    ledgers = [each for each in all_ledgers if _is_orphan(each, schedule)]
    named = {name for each in schedule.named.values() for name in each.pools}
    tagged = [_tagged(pool, all_ledgers) for pool in present(seen.pools) or () if pool.name not in named]
    pools = [pool for pool in tagged if pool.shape.tag]
    busy = [f"{pool} is {pool.state}" for pool in present(seen.pools) or () if pool.busy]
    items: list[Item] = []
    unfit = {pool.name: why for pool in pools if (why := _unfit(pool))}
    steps = [_step(pool) for pool in pools if pool.name not in unfit]
    allowed, suppressed = enforce_orphan_ownership(steps, schedule)
    said = _said(pools, ledgers)
    if allowed and busy:
        items.append(Wait(f"{said}: {listed(busy)}", OPERATION, _SOON))
    elif allowed:
        items += [*wave(allowed[0]), Wait(f"{said}: the pool is read back", OPERATION, _SOON)]
    asleep = {pool.name for pool in pools}
    closed = [each for each in ledgers if not asleep & each.pools.keys()]
    items += wave(*(Note(ledger=each.begin("up", now).mark_awake(now), what="forgotten") for each in closed))
    if unfit:
        items.append(Blocked(f"{said}: {'; '.join(unfit.values())}", "orphan"))
    items += [each for each in map(unread, found) if each and not isinstance(each, Wait)]
    return Plan(tuple(items), tuple(suppressed), note=said)


def _is_orphan(ledger: Ledger, schedule: Schedule) -> bool:
    """Whether nobody looks after a ledger; if all its pools are protected, another schedule does."""
    sleeps = ledger.asleep is not None or ledger.move is not None
    theirs = bool(ledger.pools) and ledger.pools.keys() <= set(schedule.protected_pools)
    return sleeps and not theirs and ledger.environment not in schedule.named


def _tagged(pool: Pool, ledgers: list[Ledger]) -> Pool:
    for ledger in ledgers:
        pool = with_tag(pool, ledger)
    return pool


def _unfit(pool: Pool) -> str:
    """What a person has to do before a pool can wake; empty if nothing."""
    if pool.unparseable:
        return f"what {pool} was cannot be read: scale it by hand"
    if pool.uncounted:
        return f"{pool} is of type VirtualMachines, and has no count: scale it by hand"
    return f"{pool} was stopped by hand: start it (az aks nodepool start)" if pool.stopped else ""


def _step(pool: Pool) -> Reshape:
    """The next change of a pool on its way up; what it was is forgotten last."""
    forgotten = Reshape(pool=pool, shape=replace(pool.shape, tag=""))
    return next(iter((*raised(pool), *restored(pool), forgotten)))


def _said(pools: list[Pool], ledgers: list[Ledger]) -> str:
    parts = [str(pool) for pool in pools] + [f"environment {each.environment}" for each in ledgers]
    flag = "; its flag in Git is to be set by hand" if ledgers else ""
    return f"asleep, and in no schedule: {listed(parts)}{flag}" if parts else ""
