"""Executes waves: the changes of a wave concurrently, and those with the same lock one after the other."""

import contextlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from coppice.reconciler.concurrency import Start, concurrently, side_by_side
from coppice.reconciler.errors import Conflict, Failure
from coppice.reconciler.observation import Reading
from coppice.reconciler.plan import Change, Wave

# Seconds to wait for the lock of a change: enough for eight other runs that each write for about five
# seconds. The lease of the key lasts longer than that.
_LOCK_PATIENCE = 45.0


class Lease(Protocol):
    """A lock that this run holds."""

    @property
    def undisturbed(self) -> bool:
        """Whether it is certain that nobody has held the lock since its state was read."""

    def renew(self) -> None:
        """Renew the lock for another full duration.

        Raises:
            Conflict: the lock was lost; another run may hold it now.
        """


class Locks(Protocol):
    """Takes leases."""

    def state(self, name: str) -> object:
        """Read the state of a lock.

        Args:
            name: the lock.

        Returns:
            Its state, which `hold` compares.

        Raises:
            Failure: it could not be read.
        """

    def hold(
        self, name: str, *, patience: float = 0, since: Reading[object] | None = None
    ) -> AbstractContextManager[Lease | None]:
        """Hold a lock while the context lasts.

        Args:
            name: the lock.
            patience: for how many seconds to wait for a lock that another run holds.
            since: the reading of `state`. The lease then says whether anybody has held the lock since. `None`
                if that does not matter for this lock.

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


def execute_waves(
    waves: Iterable[Wave], execute: Callable[[Change], str | None], locks: Locks, lease: Lease
) -> list[ChangeResult]:
    """Execute waves one after the other, until a change fails.

    Args:
        waves: the waves.
        execute: makes one change, or raises a `Failure`. What it returns becomes the note of the result.
        locks: takes the locks of changes.
        lease: the lease of the key, which is checked before each change.

    Returns:
        The result of each change that was tried, in order.
    """
    results: list[ChangeResult] = []
    with concurrently() as start:  # the next wave does not wait until the locks of this one are released
        for each in waves:
            groups: dict[str, list[Change]] = {}
            for index, change in enumerate(each.changes):
                groups.setdefault(change.lock or f"#{index}", []).append(change)
            sequences = (
                partial(_in_sequence, group, execute, locks, lease, start) for group in groups.values()
            )
            batches = side_by_side(*sequences)
            results += [result for batch in batches for result in batch]
            if any(result.error for result in results):
                break
    return results


def _in_sequence(
    changes: list[Change],
    execute: Callable[[Change], str | None],
    locks: Locks,
    lease: Lease,
    start: Start,
) -> list[ChangeResult]:
    name = changes[0].lock
    if name is None:
        return [_result(change, execute, lease) for change in changes]
    with contextlib.ExitStack() as held:
        try:
            further = held.enter_context(locks.hold(name, patience=_LOCK_PATIENCE))
        except Failure as error:  # the lock could not be taken
            return [ChangeResult(change, error) for change in changes]
        if further is None:
            busy = Conflict(f"another run is writing to {name}", retry_after=3)
            return [ChangeResult(change, busy) for change in changes]
        results = [_result(change, execute, lease, further) for change in changes]
        start(held.pop_all().close)
        return results


def _result(change: Change, execute: Callable[[Change], str | None], *leases: Lease) -> ChangeResult:
    try:
        for lease in leases:  # a process that was paused for minutes must not undo another run's changes
            lease.renew()
        return ChangeResult(change, note=execute(change) or "")
    except Failure as error:
        return ChangeResult(change, error)
