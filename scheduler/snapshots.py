"""What a pool was before it went to sleep: its tag says so, and else the ledger, which has a copy.

A tag is lost to whatever writes the pool as a whole: Terraform, a tag policy. What neither says is known to
nobody, and then nobody may say `Done`.
"""

from collections.abc import Iterable
from dataclasses import replace

from coppice.reconciler.observation import Present, present
from coppice.reconciler.plan import Blocked
from scheduler.barriers import listed
from scheduler.ledger import Ledger
from scheduler.observe import Observed
from scheduler.pools import Pool, Snapshot

_UNKNOWN = "unknown"  # in the ledger: neither tag nor ledger said it when it was to wake
_HELD = Snapshot(0, None)  # at 0 by somebody's hand, and nothing that we put to sleep


def copied(observed: Observed, ledger: Ledger) -> dict[str, str]:
    """What the ledger should say of the environment's pools, in the form of their tags."""
    now = {
        pool.name: pool.shape.tag
        or str(_HELD if pool.stopped else Snapshot(pool.shape.count, pool.shape.autoscaler))
        for pool in observed.own_pools
        if pool.shape.tag or not pool.down or pool.name not in ledger.pools
    }
    return {**ledger.pools, **now}


def recollected(observed: Observed, ledger: Ledger) -> Observed:
    """The same with the tags that sleeping pools have lost."""
    pools = (
        with_tag(pool, ledger) if pool.name in observed.environment.pools else pool
        for pool in present(observed.pools) or ()
    )
    return replace(observed, pools=Present(tuple(pools)))


def with_tag(pool: Pool, ledger: Ledger) -> Pool:
    """A pool with its tag, if it sleeps and has lost it, and the ledger has a copy."""
    snapshot = Snapshot.parse(ledger.pools.get(pool.name, ""))
    if pool.shape.tag or snapshot is None or snapshot == _HELD:
        return pool
    # With its autoscaler back, or nodes where it had no autoscaler, it has been woken.
    asleep = pool.shape.autoscaler is None and (snapshot.autoscaler is not None or pool.down)
    return replace(pool, shape=replace(pool.shape, tag=str(snapshot))) if asleep else pool


def admitted(observed: Observed, ledger: Ledger) -> Ledger:
    """The ledger, in which stands what nobody knows: nothing else will tell that it slept."""
    lost = {pool.name: _UNKNOWN for pool in observed.own_pools if _lost(pool, observed, ledger)}
    return replace(ledger, pools={**ledger.pools, **lost})


def unfit(observed: Observed, ledger: Ledger, *, awake: bool) -> tuple[frozenset[str], Blocked | None]:
    """The environment's pools that nobody but a person can put right, and what has to be done.

    Args:
        observed: what was observed, its tags recollected.
        ledger: what is written down.
        awake: which way it goes.

    Returns:
        Their names, and why the environment cannot go all the way.
    """
    own = observed.own_pools
    missing = [name for name in observed.environment.pools if name not in {pool.name for pool in own}]
    unparseable = [pool for pool in own if pool.unparseable]
    lost = [pool for pool in own if _lost(pool, observed, ledger)]
    uncounted = [pool for pool in own if pool.uncounted]
    stopped = [pool for pool in own if awake and pool.stopped and pool.shape.tag]
    tags = listed(f"{pool} says {pool.shape.tag!r}" for pool in unparseable)
    said = [
        (missing, "no_pool", no_pool(missing)),
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
        (uncounted, "pool_type", no_count(uncounted)),
        (stopped, "stopped", f"{listed(stopped)} was stopped by hand: start it (az aks nodepool start)"),
    ]
    found = [(code, why) for things, code, why in said if things]
    names = frozenset(missing) | {pool.name for pool in (*unparseable, *lost, *uncounted, *stopped)}
    return names, Blocked("; ".join(why for _, why in found), found[0][0]) if found else None


def no_pool(names: Iterable[str]) -> str:
    """What is said of pools that the schedule names and the cluster has not."""
    return f"the cluster has no pool {listed(names)}: correct the schedule"


def no_count(pools: Iterable[Pool]) -> str:
    """What is said of pools that cannot be scaled by a count."""
    return f"{listed(pools)} is of type VirtualMachines, and has no count: take it out of the schedule"


def without(observed: Observed, pools: frozenset[str]) -> Observed:
    """The same environment, as if it had not these pools."""
    rest = tuple(name for name in observed.environment.pools if name not in pools)
    return replace(observed, environment=observed.environment.model_copy(update={"pools": rest}))


def _lost(pool: Pool, observed: Observed, ledger: Ledger) -> bool:
    """Whether a pool sleeps, and nothing says what it was. One that somebody holds at 0 does not sleep."""
    if not pool.down or pool.stopped or pool.uncounted or pool.shape.tag:
        return False
    if pool.name in ledger.pools:
        return ledger.pools[pool.name] == _UNKNOWN
    night = ledger.asleep or (ledger.nights[-1] if ledger.nights and ledger.move is not None else None)
    if night is not None:
        return pool.name in night.nodes
    return any(
        isinstance(each.head, Present) and each.flag.says(each.head.value.value) == "off"
        for each in observed.flags
    )
