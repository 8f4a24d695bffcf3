"""Spans of hours, and durations, as a schedule file writes them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = "|".join(_DAYS)
SPAN = rf"^(?:{_DAY})(?:[-,](?:{_DAY}))* (?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$"
DURATION = r"^(?:\d+h)?(?:\d+m)?$"


@dataclass(frozen=True)
class Span:
    """A span of hours on some days of the week.

    Args:
        text: the span as the file writes it.
        days: the days on which it begins; Monday is 0.
        start: its start, in minutes after midnight.
        end: its end, in minutes after the same midnight: more than 1440 is on the next day.
    """

    text: str
    days: frozenset[int]
    start: int
    end: int

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read a span.

        Args:
            text: such as `Mon-Fri 06:00-20:00`, `Sat,Sun 10:00-14:00` or `Fri 22:00-04:00`.

        Returns:
            The span.

        Raises:
            ValueError: the text is no span.
        """
        if not isinstance(text, str) or not re.fullmatch(SPAN, text):
            raise ValueError('expected days and hours such as "Mon-Fri 06:00-20:00" or "Sat,Sun 10:00-24:00"')
        days, hours = text.split()
        start, end = (int(time[:2]) * 60 + int(time[3:]) for time in hours.split("-"))
        if start == end:
            raise ValueError('expected an end that is not its start; the whole day is "00:00-24:00"')
        return cls(text, frozenset(_days(days)), start, end if end > start else end + 24 * 60)


def _days(text: str) -> Iterable[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        if last.count("-"):
            raise ValueError(f'expected days such as "Mon-Fri" or "Mon,Wed", not {part!r}')
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        yield from ((start + offset) % 7 for offset in range((end - start) % 7 + 1))


def duration(text: object) -> timedelta:
    """Read a duration.

    Args:
        text: such as `30m`, `1h` or `1h30m`.

    Returns:
        The duration, of 12 hours at most.

    Raises:
        ValueError: the text is no duration, or it is longer.
    """
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?", text) if isinstance(text, str) else None
    if not text or match is None:
        raise ValueError("expected a duration such as 30m, 1h or 1h30m")
    length = timedelta(hours=int(match[1] or 0), minutes=int(match[2] or 0))
    if length > timedelta(hours=12):
        raise ValueError("expected at most 12h")
    return length
