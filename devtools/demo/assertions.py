"""What is told, and that it is so."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE = 0.1  # seconds between two looks


class NotAsToldError(Exception):
    """The world is not as it should be; the message says what should be."""


def ensure(is_so: bool, told: str) -> None:  # noqa: FBT001 — read aloud it is a sentence
    """Go on only if something is so.

    Args:
        is_so: whether it is.
        told: what should be.

    Raises:
        NotAsToldError: it is not.
    """
    if not is_so:
        raise NotAsToldError(told)


def until(told: str, look: Callable[[], T | None], *, seconds: float = 60) -> T:
    """Look again and again until something is there.

    Args:
        told: what should be, for the message.
        look: returns what is looked for, or something that counts as false.
        seconds: how long it may take.

    Returns:
        What `look` returned.

    Raises:
        NotAsToldError: it took longer.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise NotAsToldError(f"{told}: not so after {seconds:.0f} s")
        time.sleep(_PAUSE)
    return found
