"""Checks of the demo and of end-to-end tests: once, or until they pass."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE = 0.1  # seconds between two probes


class UnexpectedStateError(Exception):
    """A check failed; the message says what was expected."""


def ensure(condition: bool, expectation: str) -> None:  # noqa: FBT001 — read aloud it is a sentence
    """Check a condition.

    Args:
        condition: whether the expectation is met.
        expectation: what is expected, for the message.

    Raises:
        UnexpectedStateError: the condition is false.
    """
    if not condition:
        raise UnexpectedStateError(expectation)


def until(expectation: str, probe: Callable[[], T | None], *, seconds: float = 60) -> T:
    """Probe repeatedly until a result is there.

    Args:
        expectation: what is expected, for the message.
        probe: returns the result, or a false value as long as there is none.
        seconds: the time limit.

    Returns:
        The result of `probe`.

    Raises:
        UnexpectedStateError: the time limit has passed.
    """
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() > deadline:
            raise UnexpectedStateError(f"{expectation}: not so after {seconds:.0f} s")
        time.sleep(_PAUSE)
    return found
