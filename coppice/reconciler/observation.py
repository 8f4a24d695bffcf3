"""A reading: the result of reading one fact from outside. It is `Present`, `Absent` or `Unknown`.

In other tools, a failed read that looked like an empty list led to the deletion of whole clusters
(argo-cd#11464, applicationset#423). Therefore a failed read has a type of its own, and only `Absent` lets a
plan delete.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from coppice.reconciler.errors import Failure

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Present(Generic[T_co]):
    """The fact was read; `value` is what was read."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Absent:
    """The read succeeded, and the thing does not exist."""


@dataclass(frozen=True)
class Unknown:
    """The read failed, or was not tried; `error` says why."""

    error: Failure


Reading: TypeAlias = Present[T] | Absent | Unknown


def read(look: Callable[[], T | None]) -> Reading[T]:
    """Call a function that reads from outside, and return the result as a reading.

    Args:
        look: reads from outside. It returns `None` if the read succeeded and found nothing.

    Returns:
        `Present` with the value, or `Absent` for `None`. A `Failure` becomes `Unknown`. Any other exception
        is a bug of this program and is not caught.
    """
    try:
        value = look()
    except Failure as error:
        return Unknown(error)
    return Absent() if value is None else Present(value)


def present(reading: Reading[T]) -> T | None:
    """Return the value of a reading, or `None` if it is `Absent` or `Unknown`.

    Use it where a missing value and an unknown one have the same effect, never to decide about a deletion.

    Args:
        reading: the reading.

    Returns:
        The value, or `None`.
    """
    return reading.value if isinstance(reading, Present) else None
