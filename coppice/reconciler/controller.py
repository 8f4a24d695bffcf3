"""The controller: one run of a reconciler.

A run receives a key and nothing else. It has four steps:

1. **Observe without a lock.** The controller observes and plans. If no change of the plan is ready, the run
ends with the plan's verdict. Nothing was written.
2. **Take the key's lease.** The controller observes and plans again, because another run may have made
changes in the meantime.
3. **Execute** the waves before the plan's first barrier. The waves run one after the other. The changes of a
wave run concurrently, except that changes with the same lock run one after the other. If a change fails, no
later wave is executed in this pass.
4. **Observe and plan again.** This pass reads back what was written, and it is also the proof of convergence:
a run ends with `Done` only if a plan is empty. If a pass plans again what the pass before it has done, the
run ends with `Waiting`.

No state is kept between runs: a run observes everything that it needs to know. Within a run, a change whose
effect cannot be observed (`Change.unseen`) is not repeated only because another change is still to be made.
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

# More passes than any plan has barriers. The limit keeps a state that never settles from occupying a worker.
_PASSES = 8
_SIDE_BY_SIDE = 20  # an ordinary overlay has no more objects that its pods need: one round trip applies them
_RETRY = 15.0  # seconds
_BUSY = 5.0  # seconds: most runs take less
# Seconds to wait for the lock of a change: enough for eight other runs that each write for about five
# seconds. The lease of the key lasts longer than that.
_LOCK_PATIENCE = 45.0


class Lease(Protocol):
    """A lock that this run holds."""

    def renew(self) -> None:
        """Renew the lock for another full duration.

        Raises:
            Conflict: the lock was lost; another run may hold it now.
        """


class Locks(Protocol):
    """Takes leases."""

    def hold(self, name: str, *, patience: float = 0) -> AbstractContextManager[Lease | None]:
        """Hold a lock while the context lasts.

        Args:
            name: the lock.
            patience: for how many seconds to wait for a lock that another run holds.

        Returns:
            A context manager. It yields the lease, or `None` if another run still holds the lock after
            `patience` seconds.
        """


@dataclass(frozen=True)
class ChangeResult:
    """The result of one change.

    Args:
        change: the change.
        error: why it failed; `None` if it was made.
        note: what the executor returned about it.
    """

    change: Change
    error: Failure | None = None
    note: str = ""

    def __str__(self) -> str:
        more = self.error or self.note
        return f"{self.change}: {more}" if more else str(self.change)


@dataclass(frozen=True)
class RunResult(Generic[Look]):
    """The result of a run.

    Args:
        outcome: how the run ended.
        results: the result of each change that was tried, in order.
        plan: the last plan.
        observed: the last observation, from which the last plan was made.
        remarks: the remarks of all plans of the run, without duplicates.
    """

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
    """Run one pass without the lock, and then passes with the lock until the run has an outcome.

    Args:
        name: the name of the key's lock.
        observe: reads the current state. What could not be read is `Unknown` in the result.
        plan: returns the plan from an observation to the desired state. It is a pure function.
        execute: makes one change that was planned from an observation, or raises a `Failure`. Its return
            value becomes the note of the change's result.
        locks: takes the key's lock and the locks of changes.

    Returns:
        The outcome, the changes that were tried, and the last observation and plan. A `Failure` of a change
        or of a lock is never raised; it decides the outcome.
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
    """Return the outcome of a plan that has no ready wave.

    Args:
        plan: the plan.

    Returns:
        `Waiting` if its barrier is a `Wait`, `Stalled` if it is `Blocked`. Without a barrier: `Stalled` if
        changes were suppressed, else `Done`.
    """
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
    """Return the waves that are left to execute in this run.

    An unseen change that was already made, and that is planned again unchanged, is dropped. The first wave
    that has a change left keeps only such changes. All waves after it are kept whole, because its changes may
    affect them.
    """
    left: tuple[Wave, ...] = ()
    for each in waves:
        todo = (one for one in each.changes if not (one.unseen and made.get(_what(one)) == one))
        left += (each,) if left else wave(*todo)
    return left


def _note(results: Iterable[ChangeResult], made: dict[tuple[type[Change], str], Change]) -> None:
    """Update `made`: add the changes that succeeded, and remove targets whose last change failed."""
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
        for lease in leases:  # a process that was paused for minutes must not undo another run's changes
            lease.renew()
        return ChangeResult(change, note=execute(change) or "")
    except Failure as error:
        return ChangeResult(change, error)


def _worth_another_look(errors: list[Failure]) -> bool:
    """Return whether the run should observe and plan again after these errors.

    It should if each error says that the state changed after it was observed, or that a limit was reached in
    the meantime, and if no error asks the run to wait.
    """
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
