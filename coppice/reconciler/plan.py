"""A plan: changes in order, the barriers between them, and the changes that were suppressed.

A plan is data. Dry runs, explanations, logs, reports and tests show the same `Plan`, and an executor is given
only changes of a plan.
"""

from abc import ABC, abstractmethod
from collections.abc import Set
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from coppice.reconciler.errors import Failure
from coppice.reconciler.observation import Unknown

UNKNOWN = "unknown"  # the code of a barrier for something that could not be read
_RETRY = 15.0  # seconds until a failed read is tried again


@dataclass(frozen=True, kw_only=True)
class Change(ABC):
    """One change of one thing. Each subclass says what is changed; an executor knows how."""

    verb: ClassVar[str]
    unseen: ClassVar[bool] = False
    """Whether no observation shows that the change was made. Such a change is planned again until all changes
    of its plan were made.
    """
    only_notes: ClassVar[bool] = False
    """Whether the change only notes down what was observed, so that nothing else depends on it."""
    touches: ClassVar[Set[str] | None] = None
    """The parts of an observation that the change may alter; `None` means all of them. Only these are read
    again between two passes of a run.
    """

    @property
    @abstractmethod
    def target(self) -> str:
        """The thing that is changed, as `kind/name` or `kind/namespace/name`."""

    @property
    def lock(self) -> str | None:
        """The lock that this change needs besides its key's, such as `identity/<name>`; `None` if none."""
        return None

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"


@dataclass(frozen=True)
class Wave:
    """Changes that do not depend on each other. They are made concurrently."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Wait:
    """A barrier that passes by itself. The waves after it in the plan are not executed before that.

    Args:
        why: what the plan waits for, as a sentence for people.
        code: the same for machines.
        retry_after: after how many seconds to observe again.
        certain: whether the changes before it always have to be waited for, so that a run which has made them
            ends without another look.
    """

    why: str
    code: str
    retry_after: float
    certain: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Blocked:
    """A barrier that waiting does not remove: somebody has to do what `why` says."""

    why: str
    code: str


@dataclass(frozen=True)
class Suppressed:
    """A change that ownership did not let through, and why."""

    change: Change
    why: str


Item: TypeAlias = Wave | Wait | Blocked


@dataclass(frozen=True)
class Plan:
    """Waves and barriers in order. A plan is empty if the current state is the desired one.

    Args:
        items: waves, `Wait`s and `Blocked`s, in order.
        suppressed: the changes that ownership took out, and why.
        note: why there is nothing to do, where that is not obvious.
        remarks: what people should know about the plan: corrections, and settings that have no effect.
    """

    items: tuple[Item, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    note: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def ready(self) -> tuple[Wave, ...]:
        """The waves before the first barrier."""
        waves: list[Wave] = []
        for item in self.items:
            if not isinstance(item, Wave):
                break
            waves.append(item)
        return tuple(waves)

    @property
    def barrier(self) -> Wait | Blocked | None:
        """The first barrier; `None` if there is none."""
        return next((item for item in self.items if not isinstance(item, Wave)), None)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of all waves, including the waves after a barrier."""
        return tuple(change for item in self.items if isinstance(item, Wave) for change in item.changes)


def unread(why: str, error: Failure) -> Wait | Blocked:
    """Return the barrier of a plan that depends on something that could not be read.

    Args:
        why: what could not be read, and what was answered.
        error: the failure of the read.

    Returns:
        A `Wait` if the failure is passing, for as long as the outside system asked; else `Blocked`.
    """
    if error.passing:
        return Wait(why, UNKNOWN, error.retry_after or _RETRY)
    return Blocked(why, UNKNOWN)


def first_unread(*readings: object) -> Wait | Blocked | None:
    """Return the barrier for the first reading that is `Unknown`.

    Args:
        readings: the readings that the plan depends on, in order.

    Returns:
        The barrier; `None` if no reading is `Unknown`.
    """
    errors = (each.error for each in readings if isinstance(each, Unknown))
    return next((unread(f"not read: {error}", error) for error in errors), None)


def wave(*changes: Change | None) -> tuple[Wave, ...]:
    """Return one wave of the changes that are not `None`.

    Args:
        changes: the changes.

    Returns:
        One wave; no wave if no change is left.
    """
    present = tuple(change for change in changes if change is not None)
    return (Wave(present),) if present else ()
