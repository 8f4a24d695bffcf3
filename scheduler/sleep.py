"""To sleep: what a pool was is remembered, the flag says off, that is in force, pods go, and then nodes.

The order is a promise: the snapshot stands before the first change, and no node goes before its time.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from coppice.reconciler.observation import Present, present
from coppice.reconciler.plan import Blocked, Item, Wait, Wave, wave
from scheduler.barriers import (
    OPERATION,
    holding,
    in_force,
    listed,
    once_more,
    one_by_one,
    settled,
    switch,
    unread,
)
from scheduler.ledger import VERIFIED_EVERY, Ledger, Note
from scheduler.nodes import Node, Pod
from scheduler.observe import Observed
from scheduler.pools import Pool, Reshape, Shape, Snapshot
from scheduler.snapshots import copied

_SOON = 10.0  # seconds: pods that go
_LATER = 30.0  # seconds: nodes that go


def items(observed: Observed, ledger: Ledger, *, why: str, now: datetime, overdue: bool) -> tuple[Item, ...]:
    """Plan what puts one environment to sleep.

    Args:
        observed: what was observed; flags and pools have been read.
        ledger: what is written down about it.
        why: why it should sleep, for the commit.
        now: the time.
        overdue: whether it has been on its way for too long.

    Returns:
        The steps; none if it sleeps, and that is written down.
    """
    steps = _steps(observed, ledger, why=why, overdue=overdue)
    kept = replace(ledger, pools=copied(observed, ledger))
    if steps:
        unseen = ledger.asleep is not None and not any(isinstance(each, Wave) for each in steps)
        if unseen or isinstance(steps[0], Blocked):
            return (
                steps  # a night goes on though something could not be looked at; and nothing begins to move
            )
        moving = ledger.move is not None and ledger.move.direction == "down"
        begun = () if moving else wave(Note(ledger=kept.begin("down", now), what="goes to sleep"))
        return (*begun, *steps)
    if ledger.asleep is None:
        return wave(Note(ledger=kept.mark_asleep(now, _nodes(observed)), what="asleep"))
    if now - ledger.asleep.until >= VERIFIED_EVERY:
        return wave(Note(ledger=kept.verify(now), what="still asleep"))
    return ()


def is_down(observed: Observed, ledger: Ledger) -> bool:
    """Whether everything about the environment is down."""
    return not _steps(observed, ledger, why="", overdue=False)


def _steps(observed: Observed, ledger: Ledger, *, why: str, overdue: bool) -> tuple[Item, ...]:
    odd = [
        f"{each} is {each.head.value.value!r}: expected {each.flag.on!r} (on) or {each.flag.off!r} (off)"
        for each in observed.flags
        if isinstance(each.head, Present) and each.flag.says(each.head.value.value) == "neither"
    ]
    if odd:  # it would be lost by the morning
        return (
            Blocked(
                f"{listed(odd)}; set it to one of these, or write into the schedule what it says", "neither"
            ),
        )
    switched = switch(observed, "off", message=f"Put {observed.name} to sleep\n\n{why}\n")
    if switched and isinstance(switched[0], Blocked):
        return switched  # it cannot be switched: nothing begins
    # Of an environment that was found asleep, Argo CD may be behind with something else: that wakes nobody.
    settled_down = ledger.asleep is not None and not switched
    force = () if settled_down else in_force(observed, "off", committing=bool(switched), ask=not overdue)
    if force and isinstance(force[0], Blocked):
        return force  # nothing would tell when a commit is in force
    return (
        *one_by_one(_remember(observed), observed),
        *switched,
        *force,
        *_empty(observed),
        *one_by_one(_shrink(observed), observed),
        *settled(observed),
        *_nodes_gone(observed),
    )


def _remember(observed: Observed) -> Iterator[Reshape]:
    """The snapshot is written once, and never while one stands (kube-downscaler#44, #56)."""
    for pool in observed.own_pools:
        if remembered(pool) != pool.shape:
            yield Reshape(pool=pool, shape=remembered(pool))


def remembered(pool: Pool) -> Shape:
    """The pool's shape with its snapshot; what is down already has nothing to be remembered."""
    if pool.shape.tag or pool.down:
        return pool.shape
    return replace(pool.shape, tag=str(Snapshot(pool.shape.count, pool.shape.autoscaler)))


def _empty(observed: Observed) -> tuple[Item, ...]:
    """Wait until no pod of the environment is left on its pools."""
    barrier = unread(observed.nodes, observed.on_pools)
    if barrier:
        return (barrier,)
    left = [pod for pod in present(observed.on_pools) or () if stays(pod, observed)]
    if not left:
        return ()
    why = f"still on {', '.join(observed.environment.pools)}: {listed([*left, *holding(observed)])}"
    return (Wait(why, "pods", _SOON),)


def stays(pod: Pod, observed: Observed) -> bool:
    """Whether a pod is the environment's, and has to be gone before nodes may go."""
    return pod.counts and pod.namespace in observed.environment.namespaces and not is_leftover(pod, observed)


def is_leftover(pod: Pod, observed: Observed) -> bool:
    """Whether the schedule says that a pod may stay, and goes down with its node."""
    return any(fnmatchcase(str(pod), glob) for glob in observed.environment.leftovers)


def _shrink(observed: Observed) -> Iterator[Reshape]:
    for pool in observed.own_pools:
        if pool.stopped:
            continue
        before, off = remembered(pool), replace(remembered(pool), autoscaler=None)
        if pool.shape.autoscaler is not None:
            yield Reshape(pool=replace(pool, shape=before), shape=off)
        if pool.shape.count:
            yield Reshape(pool=replace(pool, shape=off), shape=replace(off, count=0))
        elif pool.broken_off or (not pool.busy and any(node.runs for node in _standing(observed, pool))):
            yield once_more(pool)


def _nodes_gone(observed: Observed) -> tuple[Item, ...]:
    left = [node.name for pool in observed.own_pools if pool.down for node in _standing(observed, pool)]
    why = f"nodes that still stand: {listed([*left, *holding(observed)])}"
    return (Wait(why, OPERATION, _LATER),) if left else ()


def _standing(observed: Observed, pool: Pool) -> list[Node]:
    """The nodes that a pool still has. What was deallocated stays a node, and is paid for no more."""
    nodes = [node for node in present(observed.nodes) or () if node.pool == pool.name]
    return [node for node in nodes if node.runs or not pool.deallocates]


def _nodes(observed: Observed) -> dict[str, int]:
    """The nodes that would have run, by what is remembered."""
    return {pool.name: pool.snapshot.count for pool in observed.own_pools if pool.snapshot is not None}
