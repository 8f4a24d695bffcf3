"""What a pool was before it went to sleep. Its tag says so, and the ledger has a copy.

Whatever writes a pool as a whole loses the tag: Terraform, a tag policy. A pool whose tag was removed wakes
from the ledger's copy. If neither says what the pool was, nobody knows, and the environment must not be
reported as `Done`.
"""

from collections.abc import Iterable
from dataclasses import replace

from coppice.reconciler.observation import Present, present
from coppice.reconciler.plan import Blocked
from scheduler.barriers import listed
from scheduler.ledger import Ledger
from scheduler.observe import Observed
from scheduler.pools import Pool, Snapshot

_UNKNOWN = "unknown"  # the ledger's entry for a pool whose snapshot was lost
_HELD_AT_0 = Snapshot(0, None)  # the entry for a pool that somebody else scaled to 0, or stopped


def pool_entries(observed: Observed, ledger: Ledger) -> dict[str, str]:
    """The ledger's entries for the environment's pools, in the form of their tags."""
    current = {
        pool.name: pool.shape.tag
        or str(_HELD_AT_0 if pool.stopped else Snapshot(pool.shape.count, pool.shape.autoscaler))
        for pool in observed.own_pools
        if pool.shape.tag or not pool.down or pool.name not in ledger.pools
    }
    return {**ledger.pools, **current}


def with_ledger_tags(observed: Observed, ledger: Ledger) -> Observed:
    """What was observed, with the tags that sleeping pools have lost restored from the ledger."""
    pools = (
        with_ledger_tag(pool, ledger) if pool.name in observed.environment.pools else pool
        for pool in present(observed.pools) or ()
    )
    return replace(observed, pools=Present(tuple(pools)))


def with_ledger_tag(pool: Pool, ledger: Ledger) -> Pool:
    """The pool with its tag from the ledger, if it sleeps, has lost its tag, and the ledger has a copy."""
    snapshot = Snapshot.parse(ledger.pools.get(pool.name, ""))
    if pool.shape.tag or snapshot is None or snapshot == _HELD_AT_0:
        return pool
    # A pool that has its autoscaler again, or has nodes and never had one, is awake.
    asleep = pool.shape.autoscaler is None and (snapshot.autoscaler is not None or pool.down)
    return replace(pool, shape=replace(pool.shape, tag=str(snapshot))) if asleep else pool


def with_lost_snapshots(observed: Observed, ledger: Ledger) -> Ledger:
    """The ledger with an entry for each pool whose snapshot is lost: nothing else shows that it slept."""
    lost = {pool.name: _UNKNOWN for pool in observed.own_pools if _snapshot_is_lost(pool, observed, ledger)}
    return replace(ledger, pools={**ledger.pools, **lost})


def unusable_pools(
    observed: Observed, ledger: Ledger, *, awake: bool
) -> tuple[frozenset[str], Blocked | None]:
    """Find the environment's pools that only a person can put right.

    Args:
        observed: what was observed, with the tags from the ledger.
        ledger: the environment's ledger.
        awake: whether the environment wakes.

    Returns:
        The pools' names, and a block that says what has to be done; `None` if there are none.
    """
    own = observed.own_pools
    missing = [name for name in observed.environment.pools if name not in {pool.name for pool in own}]
    unparseable = [pool for pool in own if pool.unparseable]
    lost = [pool for pool in own if _snapshot_is_lost(pool, observed, ledger)]
    uncounted = [pool for pool in own if pool.uncounted]
    stopped = [pool for pool in own if awake and pool.stopped and pool.shape.tag]
    tags = listed(f"{pool} says {pool.shape.tag!r}" for pool in unparseable)
    problems = [
        (missing, "no_pool", describe_missing(missing)),
        (
            unparseable,
            "snapshot",
            f"what is to be restored cannot be read: {tags}: correct the tag, or delete it",
        ),
        (
            lost,
            "snapshot",
            f"neither tag nor ledger says what {listed(lost)} was: give it its nodes and autoscaler by hand",
        ),
        (uncounted, "pool_type", describe_uncounted(uncounted)),
        (stopped, "stopped", f"{listed(stopped)} was stopped by hand: start it (az aks nodepool start)"),
    ]
    found = [(code, why) for pools, code, why in problems if pools]
    names = frozenset(missing) | {pool.name for pool in (*unparseable, *lost, *uncounted, *stopped)}
    return names, Blocked("; ".join(why for _, why in found), found[0][0]) if found else None


def describe_missing(names: Iterable[str]) -> str:
    """Describe pools that the schedule names and the cluster does not have."""
    return f"the cluster has no pool {listed(names)}: correct the schedule"


def describe_uncounted(pools: Iterable[Pool]) -> str:
    """Describe pools that cannot be scaled by a count."""
    return f"{listed(pools)} is of type VirtualMachines, and has no count: take it out of the schedule"


def without_pools(observed: Observed, pools: frozenset[str]) -> Observed:
    """The same environment, as if the schedule did not name these pools."""
    rest = tuple(name for name in observed.environment.pools if name not in pools)
    return replace(observed, environment=observed.environment.model_copy(update={"pools": rest}))


def _snapshot_is_lost(pool: Pool, observed: Observed, ledger: Ledger) -> bool:
    """Whether a pool sleeps and nothing says what it was. A pool that somebody holds at 0 does not sleep."""
    if not pool.down or pool.stopped or pool.uncounted or pool.shape.tag:
        return False
    if pool.name in ledger.pools:
        return ledger.pools[pool.name] == _UNKNOWN
    period = ledger.asleep
    if period is None and ledger.transition is not None and ledger.sleep_periods:
        period = ledger.sleep_periods[-1]
    return observed.has_flag_off if period is None else pool.name in period.nodes
