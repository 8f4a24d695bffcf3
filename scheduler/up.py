"""Awake: nodes, then the flag, and the autoscaler when there are pods that keep it from taking nodes away.

What a pool was is forgotten last, when it has been read back that it is so again.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from loop.plan import Gate, Item, Stop, wave
from loop.reading import Standing, standing
from scheduler.down import is_down
from scheduler.ledger import Ledger, Note
from scheduler.observe import Observed
from scheduler.pools import Pool, Reshape
from scheduler.waits import in_force, listed, once_more, one_by_one, settled, switch, unread

_SOON = 15.0  # seconds: nodes, pods


def items(seen: Observed, ledger: Ledger, *, why: str, now: datetime, overdue: bool) -> tuple[Item, ...]:
    """Plan what wakes one environment.

    Args:
        seen: what was observed; flags and pools have been read.
        ledger: what is written down about it.
        why: why it should be awake, for the commit.
        now: the time.
        overdue: whether it has been on its way for too long.

    Returns:
        The steps; none if it is awake, and that is written down.
    """
    if not _asleep(seen) and ledger.move is None and ledger.asleep is None:
        return ()
    moving = ledger.move is not None and ledger.move.direction == "up"
    verified = ledger.verify(now) if is_down(seen, ledger) else ledger
    begun = () if moving else wave(Note(ledger=verified.begin("up", now), what="wakes"))
    switched = switch(seen, "on", message=f"Wake {seen.name}\n\n{why}\n")
    return (
        *begun,
        *one_by_one(_raise(seen), seen, meanwhile=_short(seen, overdue=overdue).values()),
        *_nodes_ready(seen, overdue=overdue),
        *switched,
        *in_force(seen, "on", committing=bool(switched), ask=not overdue),
        *one_by_one(_restore(seen), seen),
        *_end(seen, ledger, now=now, overdue=overdue),
    )


def _asleep(seen: Observed) -> bool:
    """Whether anything about the environment is not awake."""
    off = any(
        isinstance(each.head, Standing) and each.flag.says(each.head.value.value) == "off"
        for each in seen.flags
    )
    return off or any(pool.shape.tag or pool.down for pool in seen.own_pools)


def _wanted(pool: Pool) -> int:
    return pool.snapshot.awake if pool.snapshot is not None else 1


def _raise(seen: Observed) -> Iterator[Reshape]:
    """Bring the count back, with the autoscaler off: it would shrink an empty pool."""
    sleeping = [pool for pool in seen.own_pools if pool.shape.tag or pool.down]
    low = [
        pool for pool in sleeping if pool.shape.count < (_fewest(pool) if _scales(pool) else _wanted(pool))
    ]
    for pool in low:
        off = replace(pool.shape, autoscaler=None)
        if _scales(pool):  # it may not raise the pool by itself
            yield Reshape(pool=pool, shape=off)
        yield Reshape(pool=replace(pool, shape=off), shape=replace(off, count=_wanted(pool)))
    for pool in sleeping:  # after those that have not been asked for at all
        if pool not in low and pool.state == "Failed" and _ready(seen, pool) < pool.shape.count:
            yield once_more(pool)


def _scales(pool: Pool) -> bool:
    return pool.shape.autoscaler is not None


def _fewest(pool: Pool) -> int:
    """The least that an autoscaler that is on may leave."""
    return max(pool.shape.autoscaler.least, 1) if pool.shape.autoscaler else 1


def _ready(seen: Observed, pool: Pool) -> int:
    return sum(1 for node in standing(seen.nodes) or () if node.pool == pool.name and node.ready)


def _short(seen: Observed, *, overdue: bool) -> dict[str, str]:
    """Pools that wait for nodes, and why."""
    short = {}
    for pool in seen.own_pools:
        wanted, ready = _wanted(pool), _ready(seen, pool)
        enough = 1 if overdue or _scales(pool) else wanted
        if (pool.shape.tag or pool.down) and ready < enough:
            error = f" ({pool.error})" if pool.error else ""
            short[pool.name] = f"{pool} has {ready} of {wanted} nodes ready, and is {pool.state}{error}"
    return short


def _nodes_ready(seen: Observed, *, overdue: bool) -> tuple[Item, ...]:
    """Wait for the nodes; after too long, what nodes there are can be used."""
    barrier = unread(seen.nodes)
    if barrier:
        return (barrier,)
    short = _short(seen, overdue=overdue)
    if not short or (overdue and len(short) < len(seen.own_pools)):
        return ()
    return (Gate(listed(short.values()), "nodes", _SOON),)


def _restore(seen: Observed) -> Iterator[Reshape]:
    """Give the autoscaler back as it was, whatever it was set to while the pool slept."""
    for pool in seen.own_pools:
        if pool.snapshot is not None and pool.shape.autoscaler != pool.snapshot.autoscaler:
            raised = replace(pool.shape, count=max(pool.shape.count, _wanted(pool)))
            before = pool if _scales(pool) else replace(pool, shape=raised)
            yield Reshape(pool=before, shape=replace(before.shape, autoscaler=pool.snapshot.autoscaler))


def _end(seen: Observed, ledger: Ledger, *, now: datetime, overdue: bool) -> tuple[Item, ...]:
    short = _short(seen, overdue=True) if overdue else {}  # else the nodes have been waited for
    forgotten = [
        Reshape(pool=pool, shape=replace(pool.shape, tag=""))
        for pool in seen.own_pools
        if pool.shape.tag and pool.name not in short
    ]
    forget = (*one_by_one(forgotten, seen), *settled(seen))
    done = wave(Note(ledger=ledger.rises(now), what="awake"))
    unwell = listed([*short.values(), *_unwell(seen)])
    if not unwell:
        return (*forget, *done)
    if overdue:  # the pool is as it was; what runs on it is somebody else's to mend
        return (*forget, Stop(f"not healthy: {unwell}", "unhealthy"), *done)
    return (Gate(f"not healthy: {unwell}", "unhealthy", _SOON), *forget, *done)


def _unwell(seen: Observed) -> list[str]:
    barrier = unread(seen.in_namespaces, *(entry.objects for entry in seen.syncs))
    if barrier:
        return [barrier.why]
    sick = [
        f"{each.synced}: {each.synced.unhealthy}"
        for entry in seen.syncs
        for each in standing(entry.objects) or ()
        if each.synced.unhealthy
    ]
    pods = standing(seen.in_namespaces) or ()
    unready = [f"{pod} is {pod.phase}, and not ready" for pod in pods if pod.counts and not pod.ready]
    return [*sick, *unready]
