"""The controller: one run of a reconciler.

A run receives a key and nothing else. It has four steps:

1. **Observe without a lock.** The controller reads the state of the key's lock, and then observes and plans.
If no change of the plan is ready, the run ends with the plan's verdict. Nothing was written.
2. **Take the key's lease.** If another run has held it since step 1, that run may have made changes, so the
controller observes and plans again.
3. **Execute** the waves before the plan's first barrier. The waves run one after the other. The changes of a
wave run concurrently, except that changes with the same lock run one after the other. If a change fails, no
later wave is executed in this pass.
4. **Observe and plan again**, unless it is certain that the changes have to be waited for: then a later run
does. This pass reads back what the changes may have touched, and the rest is known from the pass before it.
It is also the proof of convergence: a run ends with `Done` or `Stalled` only if it has observed everything
since its last change, and with `Done` only if a plan is empty then. If a pass plans again what the pass
before it has done, the run ends with `Waiting`.

No state is kept between runs: a run observes everything that it needs to know. Within a run, a change whose
effect cannot be observed (`Change.unseen`) is not repeated only because another change is still to be made.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from coppice.reconciler.errors import Conflict, Failure, Gone, QuotaReached
from coppice.reconciler.execution import ChangeResult, Locks, execute_waves
from coppice.reconciler.observation import read
from coppice.reconciler.outcome import Done, Outcome, Stalled, Waiting
from coppice.reconciler.plan import Blocked, Change, Plan, Wait, Wave, wave

Look = TypeVar("Look")

# More passes than any plan has barriers. The limit keeps a state that never settles from occupying a worker.
_PASSES = 8
_RETRY = 15.0  # seconds
_BUSY = 5.0  # seconds: most runs take less


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
    observe_again: Callable[[Look, Set[str]], Look] | None = None,
) -> RunResult[Look]:
    """Run one pass without the lock, and then passes with the lock until the run has an outcome.

    Args:
        name: the name of the key's lock.
        observe: reads the current state. What could not be read is `Unknown` in the result.
        plan: returns the plan from an observation to the desired state. It is a pure function.
        execute: makes one change that was planned from an observation, or raises a `Failure`. Its return
            value becomes the note of the change's result.
        locks: takes the key's lock and the locks of changes.
        observe_again: returns an observation with those parts read again that changes may have touched
            (`Change.touches`). `None` if every observation reads everything.

    Returns:
        The outcome, the changes that were tried, and the last observation and plan. A `Failure` of a change
        or of a lock is never raised; it decides the outcome.
    """
    seen = read(partial(locks.state, name))
    state = _Run(observe, observe_again, plan)
    state.look()
    if not state.plan.ready:
        return state.ended(verdict(state.plan))
    try:
        with locks.hold(name, since=seen) as lease:
            if lease is None:
                return state.ended(Waiting(f"another run is at work on {name}", "busy", _BUSY))
            if not lease.undisturbed:
                state.look()
            return state.ended(
                _passes(state, lambda ready: execute_waves(ready, state.bound(execute), locks, lease))
            )
    except Failure as error:  # the lock itself
        return state.ended(_failed([error]))


def _passes(state: "_Run[Look]", act: Callable[[tuple[Wave, ...]], list[ChangeResult]]) -> Outcome:
    """Execute plans until the run has an outcome."""
    last: tuple[Wave, ...] = ()
    made: dict[tuple[type[Change], str], Change] = {}
    errors: list[Failure] = []
    for _ in range(_PASSES):
        ready = _left(state.plan.ready, made)
        waits = not state.plan.ready and isinstance(state.plan.barrier, Wait)
        if not state.whole and not waits and (not ready or ready == last):
            state.look()  # only a wait is certain without it: another run follows
            ready = _left(state.plan.ready, made)
        if not state.plan.ready:
            return verdict(state.plan)
        if ready == last and errors:
            return _failed(errors)
        if ready == last or not ready:
            why = f"done, and not yet to be seen: {_listed(state.plan.ready)}"
            return Waiting(why, "not_settled", _RETRY)
        acted = act(ready)
        state.results += acted
        _note(acted, made)
        errors = [result.error for result in acted if result.error]
        if errors and not _worth_another_look(errors):
            return _failed(errors)
        barrier = state.plan.barrier
        if not errors and isinstance(barrier, Wait) and barrier.certain:
            return verdict(state.plan)  # the run that comes after the wait reads back what this one wrote
        last = ready
        seen = state.whole and all(result.change.only_notes for result in acted)
        state.look(None if errors else _touched(acted))
        state.whole = state.whole or seen
    return Waiting(
        "what this run works on keeps changing: another run looks at it again", "not_settled", _RETRY
    )


class _Run(Generic[Look]):
    """The last observation and plan of a run, and what was done so far.

    Attributes:
        whole: whether the last observation read everything.
    """

    observed: Look
    plan: Plan
    whole: bool

    def __init__(
        self,
        observe: Callable[[], Look],
        observe_again: Callable[[Look, Set[str]], Look] | None,
        plan: Callable[[Look], Plan],
    ) -> None:
        self._observe, self._observe_again, self._plan = observe, observe_again, plan
        self.results: list[ChangeResult] = []
        self._remarks: dict[str, None] = {}

    def look(self, touched: Set[str] | None = None) -> None:
        """Observe and plan. `touched` names the parts to read; `None` stands for all of them."""
        self.whole = touched is None or self._observe_again is None
        if touched is None or self._observe_again is None:
            self.observed = self._observe()
        else:
            self.observed = self._observe_again(self.observed, touched)
        self.plan = self._plan(self.observed)
        self._remarks |= dict.fromkeys(self.plan.remarks)

    def bound(self, execute: Callable[[Look, Change], str | None]) -> Callable[[Change], str | None]:
        """Return a function that executes changes which were planned from the last observation."""
        return partial(execute, self.observed)

    def ended(self, outcome: Outcome) -> RunResult[Look]:
        """Return the result of the run."""
        return RunResult(outcome, tuple(self.results), self.plan, self.observed, tuple(self._remarks))


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


def _touched(results: Iterable[ChangeResult]) -> Set[str] | None:
    """Return the parts of an observation that changes may have touched; `None` if that may be all of them."""
    touched: set[str] = set()
    for result in results:
        if result.change.touches is None:
            return None
        touched |= result.change.touches
    return touched


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
