"""Awake: nodes, then the flag, and the autoscaler when there are pods that keep it from taking nodes away.

What a pool was is forgotten last, when it has been read back that it is so again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from coppice.reconciler.observation import Present, present
from coppice.reconciler.plan import Blocked, Item, Wait, wave
from scheduler.barriers import in_force, listed, once_more, one_by_one, settled, switch, unread
from scheduler.ledger import Ledger, Note
from scheduler.observe import Observed
from scheduler.pools import Pool, Reshape
from scheduler.sleep import is_down

_SOON = 15.0  # seconds: nodes, pods


def items(observed: Observed, ledger: Ledger, *, why: str, now: datetime, overdue: bool) -> tuple[Item, ...]:
    """Plan what wakes one environment.

    Args:
        observed: what was observed; flags and pools have been read.
        ledger: what is written down about it.
        why: why it should be awake, for the commit.
        now: the time.
        overdue: whether it has been on its way for too long.

    Returns:
        The steps; none if it is awake, and that is written down.
    """
    if not _asleep(observed) and ledger.move is None and ledger.asleep is None:
        return ()
    moving = ledger.move is not None and ledger.move.direction == "up"
    verified = ledger.verify(now) if is_down(observed, ledger) else ledger
    begun = () if moving else wave(Note(ledger=verified.begin("up", now), what="wakes"))
    switched = switch(observed, "on", message=f"Wake {observed.name}\n\n{why}\n")
    short = _short(observed, overdue=overdue)
    again = one_by_one(_again(observed, overdue=overdue), observed, meanwhile=short)
    force = in_force(observed, "on", committing=bool(switched), ask=not overdue)
    # After too long, what there is has to do: what failed or is not in force comes after all else.
    partly = overdue and len(short) < len(observed.own_pools)
    return (
        *begun,
        *one_by_one(_each(raised, observed), observed, meanwhile=short),
        *(() if partly else again),
        *_nodes_ready(observed, () if partly else short),
        *switched,
        *(() if overdue else force),
        *one_by_one(_each(restored, observed), observed, meanwhile=short),
        *_end(
            observed,
            ledger.mark_awake(now),
            short=short,
            overdue=overdue,
            last=(*(again if partly else ()), *(force if overdue else ())),
        ),
    )


def _asleep(observed: Observed) -> bool:
    """Whether anything about the environment is not awake."""
    off = any(
        isinstance(each.head, Present) and each.flag.says(each.head.value.value) == "off"
        for each in observed.flags
    )
    return off or any(pool.shape.tag for pool in observed.own_pools)


def _wanted(pool: Pool) -> int:
    return pool.snapshot.awake if pool.snapshot is not None else 1


def _each(change: Callable[[Pool], Iterator[Reshape]], observed: Observed) -> Iterator[Reshape]:
    return (each for pool in observed.own_pools for each in change(pool))


def raised(pool: Pool) -> Iterator[Reshape]:
    """Bring the count back, with the autoscaler off: it would shrink an empty pool."""
    off = replace(pool.shape, autoscaler=None)
    enough = _fewest(pool) if _scales(pool) else _wanted(pool)
    if not pool.shape.tag or pool.shape.count >= enough:
        return
    if _scales(pool):  # it may not raise the pool by itself
        yield Reshape(pool=pool, shape=off)
    yield Reshape(pool=replace(pool, shape=off), shape=replace(off, count=_wanted(pool)))


def _again(observed: Observed, *, overdue: bool) -> Iterator[Reshape]:
    """Ask again for what did not come, for want of capacity say, whatever the operation says of itself.

    Nodes that stand and are not ready are given their time first.
    """
    for pool in observed.own_pools:
        ended = pool.state == "Succeeded" and not _scales(pool)
        came = _ready(observed, pool) if pool.broken_off or overdue else _standing(observed, pool)
        if pool.shape.tag and (pool.broken_off or ended) and came < pool.shape.count:
            yield once_more(pool)


def _scales(pool: Pool) -> bool:
    return pool.shape.autoscaler is not None


def _fewest(pool: Pool) -> int:
    """The least that an autoscaler that is on may leave."""
    return max(pool.shape.autoscaler.least, 1) if pool.shape.autoscaler else 1


def _ready(observed: Observed, pool: Pool) -> int:
    return sum(1 for node in present(observed.nodes) or () if node.pool == pool.name and node.ready)


def _standing(observed: Observed, pool: Pool) -> int:
    nodes = [node for node in present(observed.nodes) or () if node.pool == pool.name]
    return sum(1 for node in nodes if node.runs or not pool.deallocates)


def _short(observed: Observed, *, overdue: bool) -> list[str]:
    """Pools that wait for nodes, and why."""
    return [
        f"{pool} has {_ready(observed, pool)} of {_wanted(pool)} nodes ready, and is {pool.state}"
        + (f" ({pool.error})" if pool.error else "")
        for pool in observed.own_pools
        if _is_short(observed, pool, overdue=overdue)
    ]


def _is_short(observed: Observed, pool: Pool, *, overdue: bool) -> bool:
    enough = 1 if overdue or _scales(pool) else _wanted(pool)
    return bool(pool.shape.tag) and _ready(observed, pool) < enough


def _nodes_ready(observed: Observed, short: Sequence[str]) -> tuple[Item, ...]:
    barrier = unread(observed.nodes)
    if barrier:
        return (barrier,)
    return (Wait(listed(short), "nodes", _SOON),) if short else ()


def restored(pool: Pool) -> Iterator[Reshape]:
    """Give the autoscaler back as it was, whatever it was set to while the pool slept."""
    if pool.snapshot is not None and pool.shape.autoscaler != pool.snapshot.autoscaler:
        full = replace(pool.shape, count=max(pool.shape.count, _wanted(pool)))
        before = pool if _scales(pool) else replace(pool, shape=full)
        yield Reshape(pool=before, shape=replace(before.shape, autoscaler=pool.snapshot.autoscaler))


def _end(
    observed: Observed, done: Ledger, *, short: Sequence[str], overdue: bool, last: tuple[Item, ...]
) -> tuple[Item, ...]:
    """Healthy, or stuck and said; then what is as it was is forgotten, and `last` is done."""
    restored = [
        pool
        for pool in observed.own_pools
        if pool.shape.tag and not (overdue and _is_short(observed, pool, overdue=True))
    ]
    forgotten = (Reshape(pool=pool, shape=replace(pool.shape, tag="")) for pool in restored)
    forget = one_by_one(forgotten, observed, meanwhile=short)
    rises = wave(Note(ledger=done, what="awake"))
    unwell = [*(short if overdue else ()), *_unwell(observed)]
    if not unwell:
        return (*forget, *settled(observed), *last, *rises)
    why = f"not healthy: {listed(unwell)}"
    if not overdue:
        return (Wait(why, "unhealthy", _SOON), *forget, *settled(observed), *rises)
    # The pools are as they were; what runs on them is somebody else's to mend.
    return (*forget, *last, Blocked(why, "unhealthy"), *rises)


def _unwell(observed: Observed) -> list[str]:
    barrier = unread(observed.in_namespaces, *(entry.objects for entry in observed.syncs))
    if barrier:
        return [barrier.why]
    sick = [
        f"{each.synced}: {each.synced.unhealthy}"
        for entry in observed.syncs
        for each in present(entry.objects) or ()
        if each.synced.unhealthy
    ]
    pods = present(observed.in_namespaces) or ()
    unready = [f"{pod} is {pod.phase}, and not ready" for pod in pods if pod.counts and not pod.ready]
    return [*sick, *unready]
