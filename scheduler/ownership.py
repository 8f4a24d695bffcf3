"""Which pools may be touched: a filter over a finished plan. No pool is written without having passed here.

An unknown pool was once set to 0 (gke-weekend-downscaler). So all of it has to be known, and to speak for it.
"""

from collections.abc import Iterator, Sequence

from coppice.reconciler.observation import Present
from coppice.reconciler.plan import Change, Item, Plan, Suppressed, Wait, Wave
from scheduler.barriers import OPERATION, listed
from scheduler.ledger import Note
from scheduler.nodes import Node, Pod
from scheduler.observe import Observed
from scheduler.pools import Allowed, Pool, PutPool, Reshape
from scheduler.schedule import Schedule
from scheduler.sleep import is_leftover
from scheduler.snapshots import no_count, no_pool

_SYSTEM = "kube-system"


def enforce_ownership(plan: Plan, observed: Observed, schedule: Schedule) -> Plan:
    """Let through what concerns pools that may be touched, and strike out the rest.

    Args:
        plan: a finished plan.
        observed: what it was made from.
        schedule: the schedule.

    Returns:
        The plan, in which every `Reshape` has become a `PutPool` or is struck out; struck out with it is what
        would claim that it was done.
    """
    items: list[Item] = []
    suppressed: list[Suppressed] = list(plan.suppressed)
    hollow = False
    for item in plan.items:
        if isinstance(item, Wave):
            judged = [
                _judge(change, observed, schedule, any_struck=bool(suppressed)) for change in item.changes
            ]
            suppressed += [each for each in judged if isinstance(each, Suppressed)]
            kept = tuple(each for each in judged if isinstance(each, Change))
            items += [Wave(kept)] if kept else []
            hollow = not kept
        elif not (hollow and isinstance(item, Wait) and item.code == OPERATION):
            items.append(item)
    return Plan(tuple(items), tuple(suppressed), plan.note)


def _judge(
    change: Change, observed: Observed, schedule: Schedule, *, any_struck: bool
) -> Change | Suppressed:
    if isinstance(change, Note) and any_struck and change.ledger.move is None:
        return Suppressed(change, "it would claim what was not done")
    if not isinstance(change, Reshape):
        return change
    why = why_not(change.pool, observed, schedule, takes_away=change.takes_away)
    return Suppressed(change, why) if why else PutPool(allowed=Allowed(change.pool), shape=change.shape)


def enforce_orphan_ownership(
    steps: Sequence[Reshape], schedule: Schedule
) -> tuple[list[PutPool], list[Suppressed]]:
    """Let through what wakes pools that no environment names; the tag is the proof that we put them to sleep.

    Args:
        steps: what would be done.
        schedule: the schedule; in `protected_pools` it says what is to be left alone.

    Returns:
        What may be done, and what is struck out.
    """
    allowed, suppressed = [], []
    for step in steps:
        pool = step.pool
        if pool.name in schedule.protected_pools:
            suppressed.append(Suppressed(step, "it is in protected_pools"))
        elif pool.mode != "User":
            suppressed.append(Suppressed(step, f"its mode is {pool.mode}: only User pools are woken"))
        elif pool.snapshot is None:
            suppressed.append(Suppressed(step, f"its tag {pool.shape.tag!r} does not say what it was"))
        elif step.shape.count < pool.shape.count:
            suppressed.append(Suppressed(step, "it would lose nodes"))
        else:
            allowed.append(PutPool(allowed=Allowed(pool), shape=step.shape))
    return allowed, suppressed


def never(pools: Sequence[Pool], schedule: Schedule) -> str:
    """Say which pools of the schedule can never sleep, whatever the hour.

    Args:
        pools: every pool of the cluster.
        schedule: the schedule.

    Returns:
        Which, and why; empty if all can.
    """
    names = [name for each in schedule.named.values() for name in each.pools]
    found = [pool for pool in pools if pool.name in names]
    missing = [name for name in names if name not in {pool.name for pool in found}]
    uncounted = [pool for pool in found if pool.uncounted]
    said = [no_pool(missing)] if missing else []
    said += [no_count(uncounted)] if uncounted else []
    said += [f"{pool} is of mode {pool.mode}: only User pools sleep" for pool in found if pool.mode != "User"]
    return "; ".join(said)


def why_not(pool: Pool, observed: Observed, schedule: Schedule, *, takes_away: bool = True) -> str:
    """Say why a pool may not be touched.

    Args:
        pool: the pool.
        observed: what was observed of the environment that wants to touch it.
        schedule: the schedule.
        takes_away: whether nodes are taken away, or that is prepared: then others must not run on them.

    Returns:
        The reason; empty if it may be.
    """
    if pool.name not in observed.environment.pools:
        return f"the schedule does not name it as a pool of {observed.name}"
    if pool.mode != "User":
        return f"its mode is {pool.mode}: only User pools sleep"
    if pool.name in schedule.protected_pools:
        return "it is in protected_pools"
    if not takes_away:
        return ""
    if not isinstance(observed.nodes, Present) or not isinstance(observed.on_pools, Present):
        return "which pods run on it could not be read: hands off"
    foreign = list(_foreign(pool, observed, observed.nodes.value, observed.on_pools.value))
    if foreign:
        return f"pods of others run on it: {listed(foreign)}; move them, or name them in leftovers"
    return ""


def _foreign(pool: Pool, observed: Observed, nodes: tuple[Node, ...], pods: tuple[Pod, ...]) -> Iterator[Pod]:
    own = {node.name for node in nodes if node.pool == pool.name}
    others = [node for node in nodes if node.pool and node.pool not in observed.environment.pools]
    for pod in pods:
        if pod.node not in own or not pod.counts or pod.namespace in observed.environment.namespaces:
            continue
        movable = pod.namespace == _SYSTEM and any(pod.fits(node) for node in others)
        if not movable and not is_leftover(pod, observed):
            yield pod
