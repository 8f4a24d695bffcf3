"""The sweep: which branches differ from what is wanted, and whether so many removals can be right. Pure; it
only picks keys.

An error that looked like an empty list has emptied clusters (argo-cd#11464, #14318, #18212). So nothing is
removed of which any part was not read, and all removals stop when there are more of them than anyone expects;
what is to be made or mended goes on.
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

TO_BE_BUILT = "to_be_built"  # the code of a gate behind which an overlay would be built


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A branch whose environment is not what is wanted.

    Args:
        key: the branch.
        why: in what it differs.
        mends: whether something was lost or missed; else it is under way, and is only looked at again.
        begun: whether a run has already begun to remove it.
        changes: what would be changed.
    """

    key: Key
    why: str
    mends: bool
    begun: bool
    changes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What a sweep found.

    Args:
        make: branches whose environment is to be made or mended.
        remove: branches whose environment is to go.
        stopped: why the removals are not carried out; empty if they are.
        unread: what could not be read; whatever it would have told about is left alone.
        digest: of the removals: confirming it lets these very ones through.
    """

    make: tuple[Difference, ...]
    remove: tuple[Difference, ...]
    stopped: str
    unread: tuple[str, ...]
    digest: str

    @property
    def keys(self) -> tuple[Key, ...]:
        """What goes onto the queue."""
        chosen = self.make if self.stopped else (*self.make, *self.remove)
        return tuple(each.key for each in chosen)


def drift(
    branches: Iterable[Observed],
    *,
    decide: Callable[[Observed], tuple[Verdict, Plan]],
    most_deletions: int,
    confirmed: str = "",
) -> Drift:
    """Compare everything that was observed with what is wanted.

    Args:
        branches: what was observed.
        decide: what a reconciler of one branch would decide and plan.
        most_deletions: how many environments one sweep may remove unasked.
        confirmed: the digest of removals that a person has confirmed.

    Returns:
        What differs.
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
    """Why removals are not carried out that nobody has confirmed."""
    fresh = sum(1 for each in remove if not each.begun)
    if fresh <= most:
        return ""
    return (
        f"{fresh} removals are more than SWEEP_MAX_DELETIONS ({most}): look at them with "
        "POST /api/sweep?dry_run=true, and confirm them with the digest that it answers"
    )


def _digest(remove: list[Difference]) -> str:
    """The same for the same removals, in whatever order they were found."""
    plan = sorted([each.key.repository, each.key.branch, *each.changes] for each in remove)
    return hashlib.sha256(json.dumps(plan).encode()).hexdigest()[:16]
