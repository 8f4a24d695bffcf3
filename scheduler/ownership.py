"""Which pools may be written: a filter over a finished plan. No pool is written that has not passed it.

gke-weekend-downscaler once scaled a pool to 0 that it did not know. So a pool is written only if everything
about it is known, and all of it allows the change.
"""

from collections.abc import Iterator, Sequence

from coppice.reconciler.observation import Present
from coppice.reconciler.plan import Change, Item, Plan, Suppressed, Wait, Wave
from scheduler.barriers import OPERATION, listed
from scheduler.ledger import WriteLedger
from scheduler.nodes import Node, Pod
from scheduler.observe import Observed
from scheduler.pools import Allowed, Pool, PutPool, Reshape
from scheduler.schedule import Schedule
from scheduler.sleep import is_leftover
from scheduler.snapshots import describe_missing, describe_uncounted

_SYSTEM = "kube-system"


def enforce_ownership(plan: Plan, observed: Observed, schedule: Schedule) -> Plan:
    """Allow the changes of pools that may be written, and suppress the others.

    Args:
        plan: a finished plan.
        observed: what the plan was made from.
        schedule: the schedule.

    Returns:
        The plan, in which every `Reshape` has become a `PutPool` or is suppressed. The wait for a
        suppressed change is left out, and a later entry in the ledger that would claim it was made is
        suppressed too.
    """
    items: list[Item] = []
    suppressed: list[Suppressed] = list(plan.suppressed)
    wave_suppressed = False
    for item in plan.items:
        if isinstance(item, Wave):
            enforced = [
                _enforce(change, observed, schedule, any_suppressed=bool(suppressed))
                for change in item.changes
            ]
            suppressed += [each for each in enforced if isinstance(each, Suppressed)]
            allowed = tuple(each for each in enforced if isinstance(each, Change))
            items += [Wave(allowed)] if allowed else []
            wave_suppressed = not allowed
        elif not (wave_suppressed and isinstance(item, Wait) and item.code == OPERATION):
            items.append(item)
    return Plan(tuple(items), tuple(suppressed), plan.note)


def _enforce(
    change: Change, observed: Observed, schedule: Schedule, *, any_suppressed: bool
) -> Change | Suppressed:
    if isinstance(change, WriteLedger) and any_suppressed and change.ledger.transition is None:
        return Suppressed(change, "it would claim what was not done")
    if not isinstance(change, Reshape):
        return change
    why = why_not_allowed(change.pool, observed, schedule, removes_nodes=change.removes_nodes)
    return Suppressed(change, why) if why else PutPool(allowed=Allowed(change.pool), shape=change.shape)


def enforce_orphan_ownership(
    steps: Sequence[Reshape], schedule: Schedule
) -> tuple[list[PutPool], list[Suppressed]]:
    """Allow the changes that wake pools that no environment names.

    A pool's tag proves that Coppice put it to sleep.

    Args:
        steps: the changes.
        schedule: the schedule, which says with `protected_pools` what is to be left alone.

    Returns:
        The allowed changes and the suppressed ones.
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


def pools_that_never_sleep(pools: Sequence[Pool], schedule: Schedule) -> str:
    """Find the pools of the schedule that can never sleep.

    Args:
        pools: every pool of the cluster.
        schedule: the schedule.

    Returns:
        Their names and the reasons; empty if every pool can sleep.
    """
    names = [name for each in schedule.named.values() for name in each.pools]
    found = [pool for pool in pools if pool.name in names]
    missing = [name for name in names if name not in {pool.name for pool in found}]
    uncounted = [pool for pool in found if pool.uncounted]
    reasons = [describe_missing(missing)] if missing else []
    reasons += [describe_uncounted(uncounted)] if uncounted else []
    reasons += [
        f"{pool} is of mode {pool.mode}: only User pools sleep" for pool in found if pool.mode != "User"
    ]
    return "; ".join(reasons)


def why_not_allowed(pool: Pool, observed: Observed, schedule: Schedule, *, removes_nodes: bool = True) -> str:
    """Return why a pool may not be written.

    Args:
        pool: the pool.
        observed: what was observed of the environment whose plan writes it.
        schedule: the schedule.
        removes_nodes: whether the change removes nodes or prepares for it. Then no foreign pods may run on
            them.

    Returns:
        The reason; empty if the pool may be written.
    """
    if pool.name not in observed.environment.pools:
        return f"the schedule does not name it as a pool of {observed.name}"
    if pool.mode != "User":
        return f"its mode is {pool.mode}: only User pools sleep"
    if pool.name in schedule.protected_pools:
        return "it is in protected_pools"
    if not removes_nodes:
        return ""
    if not isinstance(observed.nodes, Present) or not isinstance(observed.on_pools, Present):
        return "which pods run on it could not be read: hands off"
    foreign = list(_foreign_pods(pool, observed, observed.nodes.value, observed.on_pools.value))
    if foreign:
        return f"pods of others run on it: {listed(foreign)}; move them, or name them in leftovers"
    return ""


def _foreign_pods(
    pool: Pool, observed: Observed, nodes: tuple[Node, ...], pods: tuple[Pod, ...]
) -> Iterator[Pod]:
    """The pods of others on a pool. A pod of kube-system that another pool can take is none of them."""
    own = {node.name for node in nodes if node.pool == pool.name}
    others = [node for node in nodes if node.pool and node.pool not in observed.environment.pools]
    for pod in pods:
        if pod.node not in own or not pod.occupies_node or pod.namespace in observed.environment.namespaces:
            continue
        movable = pod.namespace == _SYSTEM and any(pod.fits(node) for node in others)
        if not movable and not is_leftover(pod, observed):
            yield pod
