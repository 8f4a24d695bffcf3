"""Whether an environment should be awake: a pure function of the schedule, the overrides and the time.

The result is a level, not an edge. A tick that comes late, twice or never changes nothing for the next one.
kube-green#246 acted on edges: a missed one made everything sleep a day longer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from scheduler.holidays import holiday_name
from scheduler.overrides import Override
from scheduler.schedule import Schedule
from scheduler.spans import Span

_DAY = timedelta(days=1)
_LOOK_BACK = timedelta(days=31)  # how far back the beginning of a level is searched


@dataclass(frozen=True)
class Level:
    """The level of an environment at a moment.

    Args:
        awake: whether the environment should be awake.
        why: the rule that decides.
        since: when the level began. If that is more than a month ago, some moment before that. For an
            environment that has no hours at all, it is the moment itself: no push is later than that.
    """

    awake: bool
    why: str
    since: datetime


@dataclass(frozen=True)
class ScheduleChange:
    """A moment at which the level changes."""

    at: datetime
    awake: bool
    why: str


@dataclass(frozen=True)
class _AwakePeriod:
    """A period from `wake` to `end`. Everything is to be up at `due`."""

    wake: datetime
    due: datetime
    end: datetime
    why: str


def level(schedule: Schedule, environment: str, overrides: Sequence[Override], now: datetime) -> Level:
    """Return the level of an environment.

    Args:
        schedule: the schedule.
        environment: an environment that the schedule names, or `features`.
        overrides: the overrides of all environments.
        now: the time.

    Returns:
        The level.
    """
    own, start = _overrides_of(overrides, environment, now), now - _LOOK_BACK
    periods = _awake_periods(schedule, environment, start, now)
    last = list(_changes(schedule, periods, own, start, now))[-1]
    since = last.at if last.awake or schedule.hours(environment).awake else now
    return Level(last.awake, _state_at(schedule, periods, own, now)[1], since)


def schedule_changes(
    schedule: Schedule, environment: str, overrides: Sequence[Override], now: datetime, *, ahead: timedelta
) -> tuple[ScheduleChange, ...]:
    """Forecast when the level of an environment changes.

    Args:
        schedule: the schedule.
        environment: an environment that the schedule names, or `features`.
        overrides: the overrides of all environments.
        now: the time.
        ahead: how far to forecast.

    Returns:
        The changes after now, in order.
    """
    periods = _awake_periods(schedule, environment, now, now + ahead)
    return tuple(_changes(schedule, periods, _overrides_of(overrides, environment, now), now, now + ahead))[
        1:
    ]


def _overrides_of(overrides: Sequence[Override], environment: str, now: datetime) -> list[Override]:
    """The overrides of one environment. Each begins now at the latest, even if the clocks differ."""
    return [
        replace(each, since=min(each.since, now)) for each in overrides if each.environment == environment
    ]


def _changes(
    schedule: Schedule,
    periods: Sequence[_AwakePeriod],
    overrides: Sequence[Override],
    start: datetime,
    end: datetime,
) -> Iterator[ScheduleChange]:
    """The level at the start, and every change after it up to the end."""
    moments = {moment for each in periods for moment in (each.wake, each.end)}
    moments |= {moment for each in overrides for moment in (each.since, each.ends)}
    last: ScheduleChange | None = None
    for moment in (start, *sorted(each for each in moments if start < each <= end)):
        awake, why = _state_at(schedule, periods, overrides, moment)
        if last is None or awake is not last.awake:
            last = ScheduleChange(moment, awake, why)
            yield last


def _state_at(
    schedule: Schedule, periods: Sequence[_AwakePeriod], overrides: Sequence[Override], now: datetime
) -> tuple[bool, str]:
    # Of conflicting rules, the one that keeps the environment awake wins.
    for state in ("on", "off"):
        for override in overrides:
            if override.state == state and override.since <= now < override.ends:
                return state == "on", f"override: {override}"
    within = [each for each in periods if each.wake <= now < each.end]
    due = next((each for each in within if each.due <= now), None)
    if due is not None:
        return True, due.why
    if within:
        return True, f"due at {within[0].due.astimezone(schedule.zone):%H:%M} {schedule.timezone}"
    holiday = holiday_name(now.astimezone(schedule.zone).date(), schedule.holidays)
    return False, f"a holiday: {holiday}" if holiday else "outside of its hours"


def _awake_periods(
    schedule: Schedule, environment: str, start: datetime, end: datetime
) -> list[_AwakePeriod]:
    """The periods that overlap some time, in order. Those that meet are merged."""
    hours, zone = schedule.hours(environment), schedule.zone
    day, last = start.astimezone(zone).date() - 2 * _DAY, end.astimezone(zone).date() + 2 * _DAY
    periods_by_day: list[_AwakePeriod] = []
    while day <= last:
        # The weekday is that of the local day (kube-downscaler#25). On a holiday, everything sleeps all day.
        if not holiday_name(day, schedule.holidays):
            periods_by_day += [
                _awake_period(schedule, span, day, minutes, hours.lead_time)
                for span in hours.awake
                for minutes in _minutes_of_day(span, day)
            ]
        day += _DAY
    merged: list[_AwakePeriod] = []
    for period in sorted(periods_by_day, key=lambda each: each.due):
        if merged and period.due <= merged[-1].end:
            before = merged.pop()
            period = _AwakePeriod(before.wake, before.due, max(before.end, period.end), before.why)  # noqa: PLW2901
        merged.append(period)
    return merged


def _minutes_of_day(span: Span, day: date) -> Iterator[tuple[int, int]]:
    """The minutes of one local day that a span covers. The span may have begun on the day before."""
    if day.weekday() in span.days:
        yield span.start, min(span.end, 24 * 60)
    if span.end > 24 * 60 and (day - _DAY).weekday() in span.days:
        yield 0, span.end - 24 * 60


def _awake_period(
    schedule: Schedule, span: Span, day: date, minutes: tuple[int, int], lead: timedelta
) -> _AwakePeriod:
    # When the clock is turned back, a time occurs twice: a period begins at the first and ends at the last.
    # A time that is skipped is read both ways too. Either way, awake wins.
    due = min(_instants(schedule, day, minutes[0]))
    end = max(_instants(schedule, day, minutes[1]))
    return _AwakePeriod(due - lead, due, end, f"{span.text} {schedule.timezone}")


def _instants(schedule: Schedule, day: date, minute: int) -> tuple[datetime, datetime]:
    local = datetime.combine(day + (minute // (24 * 60)) * _DAY, time(minute // 60 % 24, minute % 60))
    first, second = (local.replace(tzinfo=schedule.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second
