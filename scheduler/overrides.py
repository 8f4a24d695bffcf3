"""Overrides: a person keeps an environment awake or asleep, against the calendar, until some time.

Every override ends by itself: one that somebody has to take back is forgotten (kubernetes-on-aws#3122).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from coppice.reconciler.times import parse_time

DEFAULT_DURATION = timedelta(hours=8)
MAX_DURATION = timedelta(days=7)

_MAX_REASON_LENGTH = 500


@dataclass(frozen=True, kw_only=True)
class Override:
    """An override of the calendar.

    Args:
        environment: the environment's name.
        state: awake (`on`) or asleep (`off`).
        until: when the override is to end.
        since: when it was requested.
        who: who requested it, as far as the request says.
        reason: why.
        version: the resource version that was read; empty if it has not been written yet.
    """

    environment: str
    state: Literal["on", "off"]
    until: datetime
    since: datetime
    who: str = ""
    reason: str = ""
    version: str = ""

    @property
    def ends(self) -> datetime:
        """When the override ends: 7 days after the request at the latest, whatever `until` says."""
        return min(self.until, self.since + MAX_DURATION)

    def __str__(self) -> str:
        by = f" by {self.who}" if self.who else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.state}{by} until {self.ends:%Y-%m-%d %H:%M} UTC{why}"


def parse_override(environment: str, body: Mapping[str, object], *, who: str, now: datetime) -> Override:
    """Read a request for an override.

    Args:
        environment: the environment's name.
        body: `state`, and optionally `until` (RFC 3339) and `reason`.
        who: who requests it.
        now: the time.

    Returns:
        The override. Without `until`, it ends after 8 hours.

    Raises:
        ValueError: the request is not valid; the message says what was expected.
    """
    unknown = sorted(body.keys() - {"state", "until", "reason"})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not known here: expected state, until, reason")
    state, reason = body.get("state"), body.get("reason", "")
    if state not in {"on", "off"}:
        raise ValueError(f'state is {state!r}: expected "on" or "off"')
    if not isinstance(reason, str) or len(reason) > _MAX_REASON_LENGTH:
        raise ValueError(f"reason: expected text of at most {_MAX_REASON_LENGTH} characters")
    return Override(
        environment=environment,
        state="on" if state == "on" else "off",
        until=_until(body.get("until"), now),
        since=now,
        who=who,
        reason=reason,
    )


def _until(value: object, now: datetime) -> datetime:
    if value is None:
        return now + DEFAULT_DURATION
    try:
        until = parse_time(value).astimezone(now.tzinfo)
    except (OverflowError, ValueError) as wrong:
        expected = "expected a time with its zone, such as 2026-03-02T22:00:00Z"
        raise ValueError(f"until is {value!r}: {expected}") from wrong
    if not now < until <= now + MAX_DURATION:
        raise ValueError(f"until is {value!r}: expected a time within the next 7 days")
    return until


class OverrideReader(Protocol):
    """Reads overrides."""

    def overrides(self) -> tuple[Override, ...]:
        """Read every override, ended ones included, with one list."""


class OverrideWriter(Protocol):
    """Writes overrides. Only the HTTP handlers have one."""

    def write(self, override: Override) -> None:
        """Write an override; it replaces the environment's former one."""

    def end(self, environment: str) -> None:
        """Remove the environment's override. If there is none, nothing happens."""
