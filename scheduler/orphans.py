"""Orphans: pools and environments that sleep and that the schedule no longer names.

An environment was renamed or removed, or a pool was taken out of its list. Nothing else would ever wake
them. So every tick looks for them, reports them and wakes their pools; a pool in `protected_pools` is left
alone. The flag of such an environment is not known here: a person has to set it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from coppice.reconciler.observation import Present, Reading, present
from coppice.reconciler.plan import Blocked, Item, Plan, Wait, wave
from scheduler.barriers import OPERATION, listed, unknown_barrier
from scheduler.ledger import Ledger, WriteLedger
from scheduler.ownership import enforce_orphan_ownership
from scheduler.pools import Pool, Reshape
from scheduler.schedule import Schedule
from scheduler.snapshots import with_ledger_tag
from scheduler.wake import restore_autoscaler, scale_up

_RETRY = 15.0  # seconds: an operation of AKS


@dataclass(frozen=True, kw_only=True)
class Orphans:
    """All pools and all ledgers, among which orphans are looked for."""

    pools: Reading[tuple[Pool, ...]]
    ledgers: Reading[tuple[Reading[Ledger], ...]]


def plan(observed: Orphans, *, schedule: Schedule, now: datetime) -> Plan:
    """Plan what wakes orphans, one change of a pool at a time.

    Args:
        observed: what was observed.
        schedule: the schedule.
        now: the time.

    Returns:
        The plan, with its ownership enforced; empty if there are no orphans.
    """
    barrier = unknown_barrier(observed.pools, observed.ledgers)
    if barrier is not None:
        return Plan((barrier,))
    readings = present(observed.ledgers) or ()
    all_ledgers = [each.value for each in readings if isinstance(each, Present)]
    ledgers = [each for each in all_ledgers if _is_orphan(each, schedule)]
    named = {name for each in schedule.named.values() for name in each.pools}
    unnamed = [pool for pool in present(observed.pools) or () if pool.name not in named]
    pools = [pool for pool in (_with_tag(each, all_ledgers) for each in unnamed) if pool.shape.tag]
    busy = [f"{pool} is {pool.provisioning_state}" for pool in present(observed.pools) or () if pool.busy]
    items: list[Item] = []
    unusable = {pool.name: why for pool in pools if (why := _why_unusable(pool))}
    steps = [_next_step(pool) for pool in pools if pool.name not in unusable]
    allowed, suppressed = enforce_orphan_ownership(steps, schedule)
    note = _describe(pools, ledgers)
    if allowed and busy:
        items.append(Wait(f"{note}: {listed(busy)}", OPERATION, _RETRY))
    elif allowed:
        items += [*wave(allowed[0]), Wait(f"{note}: the pool is read back", OPERATION, _RETRY)]
    asleep = {pool.name for pool in pools}
    finished = [each for each in ledgers if not asleep & each.pools.keys()]
    items += wave(
        *(WriteLedger(ledger=each.begin("up", now).mark_awake(now), what="forgotten") for each in finished)
    )
    if unusable:
        items.append(Blocked(f"{note}: {'; '.join(unusable.values())}", "orphan"))
    items += [each for each in map(unknown_barrier, readings) if each and not isinstance(each, Wait)]
    return Plan(tuple(items), tuple(suppressed), note=note)


def _is_orphan(ledger: Ledger, schedule: Schedule) -> bool:
    """Whether no schedule looks after a ledger. If all its pools are protected, another schedule does."""
    sleeps = ledger.asleep is not None or ledger.transition is not None
    is_protected = bool(ledger.pools) and ledger.pools.keys() <= set(schedule.protected_pools)
    return sleeps and not is_protected and ledger.environment not in schedule.named


def _with_tag(pool: Pool, ledgers: list[Ledger]) -> Pool:
    for ledger in ledgers:
        pool = with_ledger_tag(pool, ledger)
    return pool


def _why_unusable(pool: Pool) -> str:
    """What a person has to do before a pool can wake; empty if nothing."""
    if pool.unparseable:
        return f"what {pool} was cannot be read: scale it by hand"
    if pool.uncounted:
        return f"{pool} is of type VirtualMachines, and has no count: scale it by hand"
    return f"{pool} was stopped by hand: start it (az aks nodepool start)" if pool.stopped else ""


def _next_step(pool: Pool) -> Reshape:
    """The next change that wakes a pool. Its tag is deleted last."""
    untag = Reshape(pool=pool, shape=replace(pool.shape, tag=""))
    return next(iter((*scale_up(pool), *restore_autoscaler(pool), untag)))


def _describe(pools: list[Pool], ledgers: list[Ledger]) -> str:
    orphans = [str(pool) for pool in pools] + [f"environment {each.environment}" for each in ledgers]
    flag = "; its flag in Git is to be set by hand" if ledgers else ""
    return f"asleep, and in no schedule: {listed(orphans)}{flag}" if orphans else ""
