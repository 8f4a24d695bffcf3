"""Properties of the calendar: it follows the local clock, and depends on the time alone."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.calendar import schedule_changes
from tests.unit.scheduler.calendars import HOUR, ZONES, a_schedule, an_override, awake, utc


@cache
def clock_changes(zone: str) -> list[datetime]:
    """Every change of a zone's offset in ten years, to the minute."""
    changes, hour, info = [], datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    while hour.year < 2036:
        if hour.astimezone(info).utcoffset() != (hour + 6 * HOUR).astimezone(info).utcoffset():
            before = hour.astimezone(info).utcoffset()
            minutes = (hour + timedelta(minutes=minute) for minute in range(361))
            changes.append(next(each for each in minutes if each.astimezone(info).utcoffset() != before))
        hour += 6 * HOUR
    return changes


def local_time_within(span: str, now: datetime, zone: str) -> bool:
    """Whether the local time is within a daily span."""
    local_time, (start, end) = f"{now.astimezone(ZoneInfo(zone)):%H:%M}", span.split(" ")[1].split("-")
    return start <= local_time < end if start < end else local_time >= start or local_time < end


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("span", ["Mon-Sun 01:30-02:30", "Mon-Sun 23:30-00:15", "Mon-Sun 06:00-20:00"])
def test_hours_follow_the_local_clock_across_its_changes(zone: str, span: str) -> None:
    schedule, changes = a_schedule(span, zone=zone), clock_changes(zone)
    assert len(changes) >= 18
    for change in changes:
        start = change - 26 * HOUR
        state, forecast = (
            awake(schedule, start),
            schedule_changes(schedule, "features", (), start, ahead=52 * HOUR),
        )
        for minutes in range(-26 * 60, 26 * 60, 15):
            now = change + timedelta(minutes=minutes)
            current = next((change.awake for change in reversed(forecast) if change.at <= now), state)
            if local_time_within(span, now, zone):
                assert current, now
            elif abs(minutes) > 120:  # close to the change, awake may win
                assert not current, now


day_names = st.sampled_from(["Mon-Fri", "Sat,Sun", "Mon-Sun", "Wed", "Fri-Mon"])
times = st.times().map(lambda time: f"{time:%H:%M}")
spans = st.builds("{} {}-{}".format, day_names, times, times).filter(lambda text: text[-5:] != text[-11:-6])
moments = st.integers(0, 10 * 365 * 24 * 60).map(lambda each: utc("2026-01-01") + timedelta(minutes=each))


@given(
    awake_spans=st.lists(spans, max_size=3),
    zone=st.sampled_from(ZONES),
    lead=st.sampled_from(["0m", "30m", "12h"]),
    start=moments,
    requests=st.lists(
        st.tuples(st.sampled_from(["on", "off"]), st.floats(-48, 0), st.floats(0.1, 200)), max_size=2
    ),
    ticks=st.lists(st.floats(0, 100), min_size=1, max_size=6),
)
def test_the_level_depends_on_the_time_and_not_on_earlier_ticks(
    awake_spans: list[str],
    zone: str,
    lead: str,
    start: datetime,
    requests: list[tuple[str, float, float]],
    ticks: list[float],
) -> None:
    """kube-green#246: a busy controller missed a window of 60 seconds, and everything slept a day longer."""
    schedule = a_schedule(*awake_spans, zone=zone, lead=lead, holidays="FI, US")
    overrides = [an_override(state, start + at * HOUR, hours=hours) for state, at, hours in requests]
    forecast = schedule_changes(schedule, "features", overrides, start, ahead=101 * HOUR)
    state = awake(schedule, start, *overrides)
    assert [change.awake for change in forecast] == [state is (n % 2 == 1) for n in range(len(forecast))]
    for hours in ticks:  # late, early, twice, in any order
        now = start + hours * HOUR
        changes = [change.awake for change in forecast if change.at <= now]
        assert awake(schedule, now, *overrides) is (changes[-1] if changes else state)
