"""The plan that puts an environment to sleep.

Each pool's snapshot is written to its tag. Then the flags are set to off, and the plan waits until that is
in force and the pods are gone. Only then are the pools scaled to 0. The order is a promise: a snapshot
stands before the first change, and no node is removed before its time.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from coppice.reconciler.observation import Present, present
from coppice.reconciler.plan import Blocked, Item, Wait, Wave, wave
from scheduler.barriers import (
    OPERATION,
    blocking_budgets,
    listed,
    one_by_one,
    switch_flags,
    unknown_barrier,
    wait_until_idle,
    wait_until_in_force,
    write_again,
)
from scheduler.ledger import VERIFY_INTERVAL, Ledger, WriteLedger
from scheduler.nodes import Pod
from scheduler.observe import Observed
from scheduler.pools import Pool, Reshape, Shape, Snapshot
from scheduler.snapshots import pool_entries

_PODS_RETRY = 10.0  # seconds
_NODES_RETRY = 30.0  # seconds


def items(observed: Observed, ledger: Ledger, *, why: str, now: datetime, overdue: bool) -> tuple[Item, ...]:
    """Plan what puts one environment to sleep.

    Args:
        observed: what was observed; flags and pools are known.
        ledger: the environment's ledger.
        why: why it should sleep, for the commit.
        now: the time.
        overdue: whether the transition has taken too long.

    Returns:
        The items; none if the environment sleeps and the ledger says so.
    """
    steps = _steps(observed, ledger, why=why, overdue=overdue)
    with_entries = replace(ledger, pools=pool_entries(observed, ledger))
    if steps:
        only_barriers = not any(isinstance(each, Wave) for each in steps)
        if isinstance(steps[0], Blocked) or (ledger.asleep is not None and only_barriers):
            # No transition begins. A sleep period goes on even if something could not be observed.
            return steps
        under_way = ledger.transition is not None and ledger.transition.direction == "down"
        write = WriteLedger(ledger=with_entries.begin("down", now), what="goes to sleep")
        return (*(() if under_way else wave(write)), *steps)
    if ledger.asleep is None:
        asleep = with_entries.mark_asleep(now, _awake_counts(observed))
        return wave(WriteLedger(ledger=asleep, what="asleep"))
    if now - ledger.asleep.until >= VERIFY_INTERVAL:
        return wave(WriteLedger(ledger=with_entries.verify(now), what="still asleep"))
    return ()


def is_down(observed: Observed, ledger: Ledger) -> bool:
    """Whether everything about the environment is down."""
    return not _steps(observed, ledger, why="", overdue=False)


def _steps(observed: Observed, ledger: Ledger, *, why: str, overdue: bool) -> tuple[Item, ...]:
    custom = _custom_values(observed)
    if custom is not None:
        return (custom,)
    commits = switch_flags(observed, "off", message=f"Put {observed.name} to sleep\n\n{why}\n")
    if commits and isinstance(commits[0], Blocked):
        return commits  # the flags cannot be set, so nothing else is changed
    # An environment that sleeps is not woken because Argo CD is behind with another commit.
    asleep = ledger.asleep is not None and not commits
    sync = (
        () if asleep else wait_until_in_force(observed, "off", committing=bool(commits), refresh=not overdue)
    )
    if sync and isinstance(sync[0], Blocked):
        return sync  # it could not be seen when a commit is in force, so none is made
    return (
        *one_by_one(_write_snapshots(observed), observed),
        *commits,
        *sync,
        *_wait_for_pods_to_go(observed),
        *one_by_one(_scale_down(observed), observed),
        *wait_until_idle(observed),
        *_wait_for_nodes_to_go(observed),
    )


def _custom_values(observed: Observed) -> Blocked | None:
    """Block on a flag that is neither on nor off: waking would not restore its value."""
    custom = [
        f"{each} is {each.head.value.value!r}: expected {each.flag.on!r} (on) or {each.flag.off!r} (off)"
        for each in observed.flags
        if isinstance(each.head, Present) and each.flag.says(each.head.value.value) == "neither"
    ]
    if not custom:
        return None
    advice = "set it to one of these, or write into the schedule what it says"
    return Blocked(f"{listed(custom)}; {advice}", "neither")


def _write_snapshots(observed: Observed) -> Iterator[Reshape]:
    """Write the missing snapshots. An existing one is never overwritten (kube-downscaler#44, #56)."""
    for pool in observed.own_pools:
        if shape_with_snapshot(pool) != pool.shape:
            yield Reshape(pool=pool, shape=shape_with_snapshot(pool))


def shape_with_snapshot(pool: Pool) -> Shape:
    """The pool's shape with its snapshot as the tag. A pool that is down already needs no snapshot."""
    if pool.shape.tag or pool.down:
        return pool.shape
    return replace(pool.shape, tag=str(Snapshot(pool.shape.count, pool.shape.autoscaler)))


def _wait_for_pods_to_go(observed: Observed) -> tuple[Item, ...]:
    """Wait until no pod of the environment is left on its pools."""
    barrier = unknown_barrier(observed.nodes, observed.on_pools)
    if barrier:
        return (barrier,)
    left = [pod for pod in present(observed.on_pools) or () if delays_scale_down(pod, observed)]
    if not left:
        return ()
    pools, remaining = ", ".join(observed.environment.pools), [*left, *blocking_budgets(observed)]
    return (Wait(f"still on {pools}: {listed(remaining)}", "pods", _PODS_RETRY),)


def delays_scale_down(pod: Pod, observed: Observed) -> bool:
    """Whether a pod is the environment's own, and has to be gone before nodes are removed."""
    own = pod.namespace in observed.environment.namespaces
    return pod.occupies_node and own and not is_leftover(pod, observed)


def is_leftover(pod: Pod, observed: Observed) -> bool:
    """Whether the schedule lets a pod stay until its node is removed."""
    return any(fnmatchcase(str(pod), glob) for glob in observed.environment.leftovers)


def _scale_down(observed: Observed) -> Iterator[Reshape]:
    """Disable the autoscaler, then set the count to 0; AKS refuses both in one request."""
    for pool in observed.own_pools:
        if pool.stopped:
            continue
        tagged = shape_with_snapshot(pool)
        manual = replace(tagged, autoscaler=None)
        if pool.shape.autoscaler is not None:
            yield Reshape(pool=replace(pool, shape=tagged), shape=manual)
        if pool.shape.count:
            yield Reshape(pool=replace(pool, shape=manual), shape=replace(manual, count=0))
        elif pool.operation_failed or (
            not pool.busy and any(node.running for node in observed.standing_nodes(pool))
        ):
            yield write_again(pool)


def _wait_for_nodes_to_go(observed: Observed) -> tuple[Item, ...]:
    left = [node.name for pool in observed.own_pools if pool.down for node in observed.standing_nodes(pool)]
    if not left:
        return ()
    why = f"nodes that still stand: {listed([*left, *blocking_budgets(observed)])}"
    return (Wait(why, OPERATION, _NODES_RETRY),)


def _awake_counts(observed: Observed) -> dict[str, int]:
    """Pool → how many nodes would have run, by its snapshot."""
    return {pool.name: pool.snapshot.count for pool in observed.own_pools if pool.snapshot is not None}
