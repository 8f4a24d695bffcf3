"""A fact read from outside: standing, absent or unknown, and never two of them confused.

A list that came back empty from a broken server has deleted whole clusters (argo-cd#11464,
applicationset#423). So what was not read is a type of its own, and only `Absent` lets a plan delete.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from coppice.reconciler.errors import Failure

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Present(Generic[T_co]):
    """It was read, and this is what stands."""

    value: T_co


@dataclass(frozen=True)
class Absent:
    """It was looked for, the look succeeded, and it is not there."""


@dataclass(frozen=True)
class Unknown:
    """The look failed, or was not taken."""

    error: Failure


Reading: TypeAlias = Present[T] | Absent | Unknown


def read(look: Callable[[], T | None]) -> Reading[T]:
    """Take one look.

    Args:
        look: reads from outside; `None` means that it looked well and found nothing.

    Returns:
        What it found, as a reading. A `Failure` becomes `Unknown`; any other exception is a mistake of ours
        and passes through.
    """
    try:
        value = look()
    except Failure as error:
        return Unknown(error)
    return Absent() if value is None else Present(value)


def present(reading: Reading[T]) -> T | None:
    """The value if it stands, else `None`: for what is shown, never for what decides a deletion."""
    return reading.value if isinstance(reading, Present) else None
