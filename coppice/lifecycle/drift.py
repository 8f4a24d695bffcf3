"""Drift: the branches that differ from the desired state, and whether a sweep may carry out the removals.

The functions are pure. A sweep only selects keys and enqueues them.

In other tools, errors that looked like empty lists have deleted everything in a cluster (argo-cd#11464,
#14318, #18212). Therefore a removal is planned only if all its parts were read. If there are more removals
than the limit, the sweep enqueues none of them. Environments that are created or repaired are still enqueued.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from coppice.components.observed import Observed
from coppice.components.removal import Delete
from coppice.environment.key import Key
from coppice.lifecycle.decision import Ensure, TearDown, Verdict
from coppice.reconciler.observation import Unknown
from coppice.reconciler.plan import UNKNOWN, Plan, Wait

TO_BE_BUILT = "to_be_built"  # the code of the `Wait` in a plan whose due overlay was not rendered


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A branch whose environment differs from the desired state.

    Args:
        key: the branch.
        why: what differs.
        mends: whether something was lost or missed. If not, the environment waits for something, or only the
            clock makes its overlay due; the key is enqueued all the same.
        begun: whether a run has already begun to remove the environment.
        changes: the changes of the plan.
    """

    key: Key
    why: str
    mends: bool
    begun: bool
    changes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The result of a sweep.

    Args:
        make: all other branches that differ: the environment is created or repaired, or leftovers are
            deleted.
        remove: branches whose environment is removed.
        stopped: why the removals are not carried out; empty if they are.
        unread: what could not be read. Nothing that depends on it is changed.
        digest: the digest of the removals. Confirming it lets exactly these removals through.
    """

    make: tuple[Difference, ...]
    remove: tuple[Difference, ...]
    stopped: str
    unread: tuple[str, ...]
    digest: str

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys to enqueue."""
        chosen = self.make if self.stopped else (*self.make, *self.remove)
        return tuple(each.key for each in chosen)


def drift(
    branches: Iterable[Observed],
    *,
    decide: Callable[[Observed], tuple[Verdict, Plan]],
    most_deletions: int,
    confirmed: str = "",
) -> Drift:
    """Compare all observed branches with the desired state.

    Args:
        branches: the observations.
        decide: returns the decision and the plan of one branch, as its reconciler would.
        most_deletions: how many environments one sweep may remove without confirmation.
        confirmed: the digest of the removals that a person has confirmed.

    Returns:
        The differences.
    """
    make: list[Difference] = []
    remove: list[Difference] = []
    unread: dict[str, None] = {}
    for observed in branches:
        for reading in (observed.head, *observed.parts):
            if isinstance(reading, Unknown):
                unread[reading.error.message] = None
        verdict, plan = decide(observed)
        waits = isinstance(plan.barrier, Wait) and plan.barrier.code != UNKNOWN
        if not plan.ready and not waits:
            continue
        deletes = isinstance(verdict, TearDown) and any(
            isinstance(each, Delete) and each.of_environment for each in plan.changes
        )
        changes = tuple(str(change) for change in plan.changes)
        why = verdict.why if isinstance(verdict, TearDown) else _why(verdict, plan)
        record = observed.recorded.record
        begun = deletes and record is not None and bool(record.receipt)
        missed = isinstance(plan.barrier, Wait) and plan.barrier.code == TO_BE_BUILT
        mends = bool(plan.ready) or (missed and not (isinstance(verdict, Ensure) and verdict.routine))
        found = Difference(key=observed.key, why=why, mends=mends, begun=begun, changes=changes)
        (remove if deletes else make).append(found)
    digest = _digest(remove)
    return Drift(
        make=tuple(make),
        remove=tuple(remove),
        stopped="" if confirmed == digest else _stopped(remove, most=most_deletions),
        unread=tuple(unread),
        digest=digest,
    )


def _why(verdict: Verdict, plan: Plan) -> str:
    if isinstance(verdict, Ensure) and verdict.due:
        return verdict.due
    return plan.barrier.why if plan.barrier else ", ".join(map(str, plan.changes))


def _stopped(remove: list[Difference], *, most: int) -> str:
    """Return why the removals are not carried out. Removals that have already begun do not count."""
    fresh = sum(1 for each in remove if not each.begun)
    if fresh <= most:
        return ""
    return (
        f"{fresh} removals are more than SWEEP_MAX_DELETIONS ({most}): look at them with "
        "POST /api/sweep?dry_run=true, and confirm them with the digest that it answers"
    )


def _digest(remove: list[Difference]) -> str:
    """Return a digest of the removals that does not depend on their order."""
    plan = sorted([each.key.repository, each.key.branch, *each.changes] for each in remove)
    return hashlib.sha256(json.dumps(plan).encode()).hexdigest()[:16]
