"""The loop that every reconciler of this program is.

A run is given a key and nothing else. It works like this:

1. **Look without a lock.** Observe the world and plan the difference. If the plan has nothing that can be
done now, that is the answer,
   and nothing was written.
2. **Take the key's lease** and start again from the world, for someone else may have been at work.
3. **Act** up to the plan's first gate: wave after wave, a wave's changes side by side, those that share a
lock one after the other.
4. **Observe and plan again.** This is at once the read-back, the look after applying, and the proof of
convergence:
   only a pass whose plan was empty says `Done`. A pass that plans again what the last pass did says
   `Waiting`.

Nothing is remembered between runs: what a run needs to know stands in the world. Within a run, what was made
and cannot be seen is not made again because something else has to be.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from coppice.reconciler.correlation import carried
from coppice.reconciler.errors import Conflict, Failure, Gone, QuotaReached
from coppice.reconciler.outcome import Done, Outcome, Stalled, Waiting
from coppice.reconciler.plan import Blocked, Change, Plan, Wait, Wave, wave

Look = TypeVar("Look")

_PASSES = 8  # more than any plan of ours has gates; a world that never settles must not hold a worker
_SIDE_BY_SIDE = 20  # what pods need of an overlay of ordinary size: one round trip
_RETRY = 15.0  # seconds
_BUSY = 5.0  # seconds: most runs take less
# Seconds, for what a change has to be alone with: eight others, each of which writes for some five seconds.
# The key's own lease outlasts it.
_LOCK_PATIENCE = 45.0


class Lease(Protocol):
    """A lock that is held."""

    def renew(self) -> None:
        """Hold it for another full duration.

        Raises:
            Conflict: it was lost; whoever holds it now is at work.
        """


class Locks(Protocol):
    """Where leases are taken."""

    def hold(self, name: str, *, patience: float = 0) -> AbstractContextManager[Lease | None]:
        """Hold a lock for as long as the context lasts; `None` if someone else holds it, and does not give it
        back within so many seconds.
        """


@dataclass(frozen=True)
class ChangeResult:
    """What became of one change; `error` is `None` if it was made, and `note` says what came of it beside."""

    change: Change
    error: Failure | None = None
    note: str = ""

    def __str__(self) -> str:
        more = self.error or self.note
        return f"{self.change}: {more}" if more else str(self.change)


@dataclass(frozen=True)
class RunResult(Generic[Look]):
    """A run: how it ended, what it changed, its last look at the world, and what its plans remarked."""

    outcome: Outcome
    results: tuple[ChangeResult, ...]
    plan: Plan
    observed: Look
    remarks: tuple[str, ...] = ()


def run(
    *,
    name: str,
    observe: Callable[[], Look],
    plan: Callable[[Look], Plan],
    execute: Callable[[Look, Change], str | None],
    locks: Locks,
) -> RunResult[Look]:
    """Bring one key's piece of the world to what is wanted, as far as the world lets it.

    Args:
        name: the key's lock.
        observe: looks at the world; what it could not read it says in its readings.
        plan: the difference between what is wanted and what was observed. Pure.
        execute: makes one change that was planned from an observation, or raises a `Failure`; the report
            notes what it answers.
        locks: where the key's lock and those of its changes are held.

    Returns:
        What happened.
    """
    observed = observe()
    planned = plan(observed)
    results: list[ChangeResult] = []
    remarks = dict.fromkeys(planned.remarks)

    def ran(outcome: Outcome) -> RunResult[Look]:
        return RunResult(outcome, tuple(results), planned, observed, tuple(remarks))

    if not planned.ready:
        return ran(verdict(planned))
    try:
        with locks.hold(name) as lease:
            if lease is None:
                return ran(Waiting(f"another run is at work on {name}", "busy", _BUSY))
            last: tuple[Wave, ...] = ()
            made: dict[tuple[type[Change], str], Change] = {}
            errors: list[Failure] = []
            for _ in range(_PASSES):
                observed = observe()
                planned = plan(observed)
                remarks |= dict.fromkeys(planned.remarks)
                if not planned.ready:
                    return ran(verdict(planned))
                ready = _left(planned.ready, made)
                if ready == last and errors:
                    return ran(_failed(errors))
                if ready == last or not ready:
                    why = f"done, and not yet to be seen: {_listed(planned.ready)}"
                    return ran(Waiting(why, "not_settled", _RETRY))
                acted = _act_on(ready, partial(execute, observed), locks, lease)
                results += acted
                _note(acted, made)
                errors = [result.error for result in acted if result.error]
                if errors and not _worth_another_look(errors):
                    return ran(_failed(errors))
                last = ready
    except Failure as error:  # the lock itself
        return ran(_failed([error]))
    return ran(
        Waiting("what this run works on keeps changing: another run looks at it again", "not_settled", _RETRY)
    )


def verdict(plan: Plan) -> Outcome:
    """What a plan says that has nothing to do now."""
    match plan.barrier:
        case Wait(why, code, retry_after):
            return Waiting(why, code, retry_after)
        case Blocked(why, code):
            return Stalled(why, code)
        case None if plan.suppressed:
            return Stalled("; ".join(f"{each.change}: {each.why}" for each in plan.suppressed), "not_ours")
        case None:
            return Done(plan.note)


def _left(waves: Iterable[Wave], made: Mapping[tuple[type[Change], str], Change]) -> tuple[Wave, ...]:
    """What waves ask for that this run has not made yet. Whatever has to be made may change what is made
    after it: from the first such wave on all is left.
    """
    left: tuple[Wave, ...] = ()
    for each in waves:
        todo = (one for one in each.changes if not (one.unseen and made.get(_what(one)) == one))
        left += (each,) if left else wave(*todo)
    return left


def _note(results: Iterable[ChangeResult], made: dict[tuple[type[Change], str], Change]) -> None:
    """Note what was made; of what was tried more than once, what was tried last."""
    for result in results:
        made.pop(_what(result.change), None)
        if result.error is None:
            made[_what(result.change)] = result.change


def _what(change: Change) -> tuple[type[Change], str]:
    return type(change), change.target


def _act_on(
    waves: Iterable[Wave], execute: Callable[[Change], str | None], locks: Locks, lease: Lease
) -> list[ChangeResult]:
    results: list[ChangeResult] = []
    for each in waves:
        groups: dict[str, list[Change]] = {}
        for index, change in enumerate(each.changes):
            groups.setdefault(change.lock or f"#{index}", []).append(change)
        with ThreadPoolExecutor(max_workers=min(_SIDE_BY_SIDE, len(groups))) as pool:
            act = carried(lambda group: _in_sequence(group, execute, locks, lease))
            batches = list(pool.map(act, groups.values()))
        results += [result for batch in batches for result in batch]
        if any(result.error for result in results):
            break
    return results


def _in_sequence(
    changes: list[Change], execute: Callable[[Change], str | None], locks: Locks, lease: Lease
) -> list[ChangeResult]:
    name = changes[0].lock
    if name is None:
        return [_result(change, execute, lease) for change in changes]
    try:
        with locks.hold(name, patience=_LOCK_PATIENCE) as further:
            if further is None:
                busy = Conflict(f"another run is writing to {name}", retry_after=3)
                return [ChangeResult(change, busy) for change in changes]
            return [_result(change, execute, lease, further) for change in changes]
    except Failure as error:  # the lock could not be taken or given back
        return [ChangeResult(change, error) for change in changes]


def _result(change: Change, execute: Callable[[Change], str | None], *leases: Lease) -> ChangeResult:
    try:
        for lease in leases:  # who stood still for minutes must not undo what another has done since
            lease.renew()
        return ChangeResult(change, note=execute(change) or "")
    except Failure as error:
        return ChangeResult(change, error)


def _worth_another_look(errors: list[Failure]) -> bool:
    """Whether the world moved under the plan, or a place in it was taken, and nothing else went wrong."""
    moved = Conflict | Gone | QuotaReached
    return all(isinstance(error, moved) and error.retry_after is None for error in errors)


def _failed(errors: list[Failure]) -> Outcome:
    worst = next((error for error in errors if not error.passing), errors[0])
    why = "; ".join(dict.fromkeys(error.message for error in errors))
    if not worst.passing:
        return Stalled(why, worst.code)
    waits = [error.retry_after for error in errors if error.retry_after is not None]
    return Waiting(why, worst.code, max(waits, default=_RETRY))


def _listed(waves: Iterable[Wave]) -> str:
    changes = [str(change) for each in waves for change in each.changes]
    return ", ".join(changes[:3]) + (f" and {len(changes) - 3} more" if len(changes) > 3 else "")
