"""A person's word against the calendar: awake or asleep until some time, and then the calendar's word again.

An override that has to be taken back is forgotten (kubernetes-on-aws#3122), so each ends by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from coppice.reconciler.times import parse_time

USUALLY = timedelta(hours=8)
AT_MOST = timedelta(days=7)

_LONGEST_REASON = 500


@dataclass(frozen=True, kw_only=True)
class Override:
    """What a person asked for.

    Args:
        environment: the environment's name.
        state: awake (`on`) or asleep (`off`).
        until: when it ends.
        since: when it was asked for.
        who: who asked, as far as the request says.
        reason: why.
        version: the resource version that was read; empty if it is not yet written.
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
        """When it ends: never later than 7 days after it was asked for, whatever somebody wrote into it."""
        return min(self.until, self.since + AT_MOST)

    def __str__(self) -> str:
        by = f" by {self.who}" if self.who else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.state}{by} until {self.ends:%Y-%m-%d %H:%M} UTC{why}"


def asked(environment: str, body: Mapping[str, object], *, who: str, now: datetime) -> Override:
    """Read what a person asks for.

    Args:
        environment: the environment's name.
        body: `state`, and if wanted `until` (RFC 3339) and `reason`.
        who: who asks.
        now: the time.

    Returns:
        The override; it ends after 8 hours if nothing else is said.

    Raises:
        ValueError: what is wrong, and what was expected.
    """
    unknown = sorted(body.keys() - {"state", "until", "reason"})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not known here: expected state, until, reason")
    state, reason = body.get("state"), body.get("reason", "")
    if state not in {"on", "off"}:
        raise ValueError(f'state is {state!r}: expected "on" or "off"')
    if not isinstance(reason, str) or len(reason) > _LONGEST_REASON:
        raise ValueError(f"reason: expected text of at most {_LONGEST_REASON} characters")
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
        return now + USUALLY
    try:
        until = parse_time(value).astimezone(now.tzinfo)
    except (OverflowError, ValueError) as wrong:
        expected = "expected a time with its zone, such as 2026-03-02T22:00:00Z"
        raise ValueError(f"until is {value!r}: {expected}") from wrong
    if not now < until <= now + AT_MOST:
        raise ValueError(f"until is {value!r}: expected a time within the next 7 days")
    return until


class OverrideReader(Protocol):
    """Reads overrides."""

    def overrides(self) -> tuple[Override, ...]:
        """Every override that is written down, ended ones included; one list."""


class OverrideWriter(Protocol):
    """Writes overrides. Only what answers HTTP is handed one."""

    def write(self, override: Override) -> None:
        """Write an override in the place of the environment's former one."""

    def end(self, environment: str) -> None:
        """Remove the environment's override; one that is gone by then is no error."""
