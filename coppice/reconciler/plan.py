"""A plan is data: what would be changed, in which order, what has to be true before, and what was struck out.

Dry run, explanation, log, report and tests print the same `Plan`; nothing that acts is handed anything else.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from coppice.reconciler.errors import Failure
from coppice.reconciler.observation import Unknown

UNKNOWN = "unknown"  # the code of a barrier that stands for something which was not read
_RETRY = 15.0  # seconds until what could not be read is tried again


@dataclass(frozen=True, kw_only=True)
class Change(ABC):
    """One change of one thing. Its children say which thing; `steps` of a room know how."""

    verb: ClassVar[str]
    unseen: ClassVar[bool] = False
    """Whether no look shows that it was made, so that it is planned until all of its plan was."""

    @property
    @abstractmethod
    def target(self) -> str:
        """What is changed, as `kind/name` or `kind/namespace/name`."""

    @property
    def lock(self) -> str | None:
        """A lock that this change needs beside its key's, such as `identity/<name>`."""
        return None

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"


@dataclass(frozen=True)
class Wave:
    """Changes that do not depend on each other: they are made side by side."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Wait:
    """A fact that is not yet true. What stands behind it in the plan has to wait.

    Args:
        why: what is being waited for, as a sentence for people.
        code: the same for machines.
        retry_after: seconds until another look is worth its calls.
    """

    why: str
    code: str
    retry_after: float


@dataclass(frozen=True)
class Blocked:
    """A fact that waiting does not change: somebody has to do something, and `why` says what."""

    why: str
    code: str


@dataclass(frozen=True)
class Suppressed:
    """A change that policy did not let through."""

    change: Change
    why: str


Item: TypeAlias = Wave | Wait | Blocked


@dataclass(frozen=True)
class Plan:
    """Waves and barriers in order. An empty plan means that what is wanted stands.

    Args:
        items: waves, gates and stops, in order.
        suppressed: what policy took out, and why.
        note: why there is nothing to do, where that is not obvious.
        remarks: what people should know of what was planned: corrections, and what will have no effect.
    """

    items: tuple[Item, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    note: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def ready(self) -> tuple[Wave, ...]:
        """The waves that stand before the first gate or stop."""
        waves: list[Wave] = []
        for item in self.items:
            if not isinstance(item, Wave):
                break
            waves.append(item)
        return tuple(waves)

    @property
    def barrier(self) -> Wait | Blocked | None:
        """The first gate or stop."""
        return next((item for item in self.items if not isinstance(item, Wave)), None)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change of every wave, those behind a gate included."""
        return tuple(change for item in self.items if isinstance(item, Wave) for change in item.changes)


def unread(why: str, error: Failure) -> Wait | Blocked:
    """The barrier of a plan that lacks a reading.

    Args:
        why: what was not read, and what was answered.
        error: the failure that was met.

    Returns:
        A gate for as long as the outside system asked, or a stop if somebody has to mend it first.
    """
    if error.passing:
        return Wait(why, UNKNOWN, error.retry_after or _RETRY)
    return Blocked(why, UNKNOWN)


def first_unread(*readings: object) -> Wait | Blocked | None:
    """The barrier of the first reading that is unknown; `None` if none is."""
    errors = (each.error for each in readings if isinstance(each, Unknown))
    return next((unread(f"not read: {error}", error) for error in errors), None)


def wave(*changes: Change | None) -> tuple[Wave, ...]:
    """One wave of the changes that are not `None`; no wave at all if none is left."""
    present = tuple(change for change in changes if change is not None)
    return (Wave(present),) if present else ()
