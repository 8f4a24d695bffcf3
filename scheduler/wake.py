"""The plan that wakes an environment.

The pools are scaled up first, then the flags are set to on. An autoscaler is restored once that is in
force: before, it would remove nodes that have no pods yet. A pool's snapshot is deleted last, after the
pool has been read back as it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from coppice.reconciler.observation import present
from coppice.reconciler.plan import Blocked, Item, Wait, wave
from scheduler.barriers import (
    listed,
    one_by_one,
    switch_flags,
    unknown_barrier,
    wait_until_idle,
    wait_until_in_force,
    write_again,
)
from scheduler.ledger import Ledger, WriteLedger
from scheduler.observe import Observed
from scheduler.pools import Pool, Reshape
from scheduler.sleep import is_down

_RETRY = 15.0  # seconds: nodes, pods


def items(observed: Observed, ledger: Ledger, *, why: str, now: datetime, overdue: bool) -> tuple[Item, ...]:
    """Plan what wakes one environment.

    Args:
        observed: what was observed; flags and pools are known.
        ledger: the environment's ledger.
        why: why it should be awake, for the commit.
        now: the time.
        overdue: whether the transition has taken too long.

    Returns:
        The items; none if the environment is awake and the ledger says so.
    """
    if not _is_asleep(observed) and ledger.transition is None and ledger.asleep is None:
        return ()
    commits = switch_flags(observed, "on", message=f"Wake {observed.name}\n\n{why}\n")
    short = _pools_short_of_nodes(observed, overdue=overdue)
    retries = one_by_one(_write_short_again(observed, overdue=overdue), observed, meanwhile=short)
    sync = wait_until_in_force(observed, "on", committing=bool(commits), refresh=not overdue)
    # Once overdue, the environment wakes with the pools that have nodes. What failed, or is not in force,
    # comes after everything else.
    some_pools_suffice = overdue and len(short) < len(observed.own_pools)
    return (
        *_begin(observed, ledger, now),
        *one_by_one(_for_own_pools(scale_up, observed), observed, meanwhile=short),
        *(() if some_pools_suffice else retries),
        *_wait_for_nodes(observed, () if some_pools_suffice else short),
        *commits,
        *(() if overdue else sync),
        *one_by_one(_for_own_pools(restore_autoscaler, observed), observed, meanwhile=short),
        *_finish(
            observed,
            ledger.mark_awake(now),
            short=short,
            overdue=overdue,
            last=(*(retries if some_pools_suffice else ()), *(sync if overdue else ())),
        ),
    )


def _begin(observed: Observed, ledger: Ledger, now: datetime) -> tuple[Item, ...]:
    """Begin the transition, unless it is under way. The sleep period ends now if everything is still down."""
    if ledger.transition is not None and ledger.transition.direction == "up":
        return ()
    verified = ledger.verify(now) if is_down(observed, ledger) else ledger
    return wave(WriteLedger(ledger=verified.begin("up", now), what="wakes"))


def _is_asleep(observed: Observed) -> bool:
    """Whether a flag is off, or a pool has a snapshot."""
    return observed.has_flag_off or any(pool.shape.tag for pool in observed.own_pools)


def _for_own_pools(change: Callable[[Pool], Iterator[Reshape]], observed: Observed) -> Iterator[Reshape]:
    return (each for pool in observed.own_pools for each in change(pool))


def scale_up(pool: Pool) -> Iterator[Reshape]:
    """Restore the count, with the autoscaler disabled: it would scale down an empty pool."""
    manual = replace(pool.shape, autoscaler=None)
    enough = _min_count(pool) if _autoscales(pool) else _awake_count(pool)
    if not pool.shape.tag or pool.shape.count >= enough:
        return
    if _autoscales(pool):  # it may not scale up the pool by itself
        yield Reshape(pool=pool, shape=manual)
    yield Reshape(pool=replace(pool, shape=manual), shape=replace(manual, count=_awake_count(pool)))


def _write_short_again(observed: Observed, *, overdue: bool) -> Iterator[Reshape]:
    """Write the pools again that did not get their nodes, for want of capacity say.

    Azure may report such an operation as succeeded. Nodes that exist and are not ready get time first:
    until the operation has failed, or the transition is overdue.
    """
    for pool in observed.own_pools:
        ended = pool.provisioning_state == "Succeeded" and not _autoscales(pool)
        nodes = (
            _ready_nodes(observed, pool)
            if pool.operation_failed or overdue
            else len(observed.standing_nodes(pool))
        )
        if pool.shape.tag and (pool.operation_failed or ended) and nodes < pool.shape.count:
            yield write_again(pool)


def _autoscales(pool: Pool) -> bool:
    return pool.shape.autoscaler is not None


def _awake_count(pool: Pool) -> int:
    return pool.snapshot.awake_count if pool.snapshot is not None else 1


def _min_count(pool: Pool) -> int:
    """The smallest count that an enabled autoscaler may leave."""
    return max(pool.shape.autoscaler.min_count, 1) if pool.shape.autoscaler else 1


def _ready_nodes(observed: Observed, pool: Pool) -> int:
    return sum(1 for node in present(observed.nodes) or () if node.pool == pool.name and node.ready)


def _is_short(observed: Observed, pool: Pool, *, overdue: bool) -> bool:
    enough = 1 if overdue or _autoscales(pool) else _awake_count(pool)
    return bool(pool.shape.tag) and _ready_nodes(observed, pool) < enough


def _pools_short_of_nodes(observed: Observed, *, overdue: bool) -> list[str]:
    """Describe the pools that have too few ready nodes."""
    return [
        f"{pool} has {_ready_nodes(observed, pool)} of {_awake_count(pool)} nodes ready,"
        f" and is {pool.provisioning_state}" + (f" ({pool.error})" if pool.error else "")
        for pool in observed.own_pools
        if _is_short(observed, pool, overdue=overdue)
    ]


def _wait_for_nodes(observed: Observed, short: Sequence[str]) -> tuple[Item, ...]:
    barrier = unknown_barrier(observed.nodes)
    if barrier:
        return (barrier,)
    return (Wait(listed(short), "nodes", _RETRY),) if short else ()


def restore_autoscaler(pool: Pool) -> Iterator[Reshape]:
    """Restore the autoscaler of the snapshot, whatever it was set to while the pool slept."""
    if pool.snapshot is not None and pool.shape.autoscaler != pool.snapshot.autoscaler:
        scaled_up = replace(pool.shape, count=max(pool.shape.count, _awake_count(pool)))
        before = pool if _autoscales(pool) else replace(pool, shape=scaled_up)
        yield Reshape(pool=before, shape=replace(before.shape, autoscaler=pool.snapshot.autoscaler))


def _finish(
    observed: Observed, awake: Ledger, *, short: Sequence[str], overdue: bool, last: tuple[Item, ...]
) -> tuple[Item, ...]:
    """Wait for health, or block once overdue; delete the snapshots of restored pools; complete the ledger.

    Args:
        observed: what was observed.
        awake: the ledger of an environment that is awake.
        short: the pools that have too few nodes.
        overdue: whether the transition has taken too long.
        last: what follows the deletion of the snapshots.

    Returns:
        The items.
    """
    complete = [
        pool
        for pool in observed.own_pools
        if pool.shape.tag and not (overdue and _is_short(observed, pool, overdue=True))
    ]
    untag = one_by_one(
        (Reshape(pool=pool, shape=replace(pool.shape, tag="")) for pool in complete),
        observed,
        meanwhile=short,
    )
    write = wave(WriteLedger(ledger=awake, what="awake"))
    unhealthy = [*(short if overdue else ()), *_unhealthy(observed)]
    if not unhealthy:
        return (*untag, *wait_until_idle(observed), *last, *write)
    why = f"not healthy: {listed(unhealthy)}"
    if not overdue:
        return (Wait(why, "unhealthy", _RETRY), *untag, *wait_until_idle(observed), *write)
    # The pools are restored. What runs on them is not the scheduler's to repair.
    return (*untag, *last, Blocked(why, "unhealthy"), *write)


def _unhealthy(observed: Observed) -> list[str]:
    """Describe what is not healthy in the environment."""
    barrier = unknown_barrier(observed.in_namespaces, *(entry.objects for entry in observed.gitops))
    if barrier:
        return [barrier.why]
    objects = [
        f"{each.synced}: {each.synced.unhealthy}"
        for entry in observed.gitops
        for each in present(entry.objects) or ()
        if each.synced.unhealthy
    ]
    pods = [
        f"{pod} is {pod.phase}, and not ready"
        for pod in present(observed.in_namespaces) or ()
        if pod.occupies_node and not pod.ready
    ]
    return [*objects, *pods]
