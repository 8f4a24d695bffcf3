from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.calendar import level, schedule_changes
from scheduler.loading import load
from scheduler.overrides import Override
from scheduler.schedule import Schedule

ZONES = (
    "Europe/Helsinki",
    "Europe/London",
    "America/New_York",
    "America/Santiago",  # turns at midnight
    "America/St_Johns",  # half an hour
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Auckland",
    "Asia/Beirut",  # from midnight
    "Africa/Casablanca",  # twice more, for Ramadan
    "America/Havana",  # back to midnight
)
HOUR = timedelta(hours=1)


def a_schedule(*awake: str, zone: str = "UTC", holidays: str = "", lead: str = "0m") -> Schedule:
    return load(
        f"timezone: {zone}\nholidays: [{holidays}]\nenvironments:\n  features:\n"
        f"    awake: [{', '.join(repr(span) for span in awake)}]\n    lead_time: {lead}\n"
    )


def awake(schedule: Schedule, now: datetime, *overrides: Override) -> bool:
    return level(schedule, "features", overrides, now).awake


def an_override(state: str, start: datetime, *, hours: float = 8) -> Override:
    return Override(
        environment="features",
        state="on" if state == "on" else "off",
        since=start,
        until=start + hours * HOUR,
        who="Ada",
        reason="a demonstration",
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02 05:59", False),  # a Monday
        ("2026-03-02 06:00", True),
        ("2026-03-02 19:59", True),
        ("2026-03-02 20:00", False),
        ("2026-03-07 12:00", False),
    ],
)
def test_an_environment_is_awake_within_its_hours(at: str, expected: bool) -> None:
    assert awake(a_schedule("Mon-Fri 06:00-20:00"), utc(at)) is expected


@pytest.mark.parametrize(
    ("span", "at", "expected"),
    [
        ("Fri 22:00-04:00", "2026-03-06 23:00", True),
        ("Fri 22:00-04:00", "2026-03-07 03:59", True),
        ("Fri 22:00-04:00", "2026-03-07 04:00", False),
        ("Fri 22:00-04:00", "2026-03-06 03:00", False),
        ("Sat-Mon 00:00-24:00", "2026-03-08 23:59", True),
        ("Sat-Mon 00:00-24:00", "2026-03-10 00:00", False),
        ("Mon,Wed 10:00-11:00", "2026-03-04 10:30", True),
        ("Mon,Wed 10:00-11:00", "2026-03-03 10:30", False),
        ("Fri-Mon 10:00-11:00", "2026-03-08 10:30", True),
    ],
)
def test_spans_cross_midnight_and_the_end_of_the_week(span: str, at: str, expected: bool) -> None:
    assert awake(a_schedule(span), utc(at)) is expected


def test_the_weekday_is_that_of_the_zone() -> None:
    """kube-downscaler#25: the weekday was taken in the wrong zone."""
    auckland = a_schedule("Mon 08:00-09:00", zone="Pacific/Auckland")
    assert awake(auckland, utc("2026-03-01 19:30"))  # a Sunday in UTC, and Monday 08:30 there
    assert not awake(auckland, utc("2026-03-02 19:30"))


def test_it_is_awake_by_the_time_it_is_due() -> None:
    schedule = a_schedule("Mon-Fri 06:00-20:00", lead="30m")
    found = level(schedule, "features", (), utc("2026-03-02 05:30"))
    assert (found.awake, found.why) == (True, "due at 06:00 UTC")
    assert not awake(schedule, utc("2026-03-02 05:29"))


def test_a_holiday_is_asleep_all_day_and_the_next_day_begins_on_time() -> None:
    schedule = a_schedule(
        "Mon-Sun 00:00-24:00", holidays="FI, 2026-12-07", zone="Europe/Helsinki", lead="30m"
    )
    midnight = datetime(2026, 12, 6, tzinfo=ZoneInfo("Europe/Helsinki"))
    assert awake(schedule, midnight - timedelta(minutes=1))
    assert "Independence Day, FI" in level(schedule, "features", (), midnight).why
    assert not awake(schedule, midnight + 47 * HOUR)  # the single date
    assert awake(schedule, midnight + 47.5 * HOUR)


def test_the_part_of_a_night_span_that_lies_in_a_holiday_is_asleep() -> None:
    schedule = a_schedule("Thu-Fri 22:00-06:00", holidays="2026-12-25")  # a Friday
    assert awake(schedule, utc("2026-12-24 23:59"))
    assert not awake(schedule, utc("2026-12-25 05:00"))
    assert not awake(schedule, utc("2026-12-25 23:00"))
    assert awake(schedule, utc("2026-12-26 05:00"))


def test_where_rules_conflict_awake_wins() -> None:
    """kube-downscaler#28: of two rules about one time, the one that put things to sleep won."""
    schedule = a_schedule("Mon 08:00-12:00", "Mon 10:00-11:00", "Mon 11:30-14:00")
    assert all(awake(schedule, utc(f"2026-03-02 {hour:02}:45")) for hour in range(8, 14))
    now = utc("2026-03-01 12:00")
    assert awake(schedule, now, an_override("off", now), an_override("on", now))


def test_an_override_ends_by_itself_and_names_who_and_why() -> None:
    """kubernetes-on-aws#3122: `exclude: true` was set for one evening, and stayed for ever."""
    schedule, start = a_schedule("Mon 08:00-12:00"), utc("2026-03-03 20:00")
    found = level(schedule, "features", [an_override("on", start)], start)
    assert found.awake
    assert found.why == "override: on by Ada until 2026-03-04 04:00 UTC: a demonstration"
    assert not awake(schedule, start + 8 * HOUR, an_override("on", start))
    assert not awake(schedule, start + timedelta(days=7), an_override("on", start, hours=10_000))


def test_an_override_of_another_environment_says_nothing() -> None:
    now = utc("2026-03-03 20:00")
    other = Override(environment="dev", state="on", since=now, until=now + HOUR)
    assert not awake(a_schedule("Mon 08:00-12:00"), now, other)


def test_an_override_written_by_a_clock_that_is_fast_counts_at_once() -> None:
    now = utc("2026-03-03 20:00")
    assert awake(a_schedule("Mon 08:00-12:00"), now, an_override("on", now + timedelta(seconds=20)))


def test_it_says_since_when_it_has_been_so() -> None:
    schedule = a_schedule("Mon-Fri 06:00-20:00")
    assert level(schedule, "features", (), utc("2026-03-09 03:00")).since == utc("2026-03-06 20:00")
    asleep = an_override("off", utc("2026-03-09 12:00"))
    assert level(schedule, "features", [asleep], utc("2026-03-09 13:00")).since == utc("2026-03-09 12:00")


def test_what_has_no_hours_sleeps_anew_at_every_moment() -> None:
    """A push since it fell asleep wakes a branch: with no hours at all it would never have slept."""
    schedule, now = a_schedule(), utc("2026-03-02T10:00")
    assert level(schedule, "features", (), now).since == now
    earlier = an_override("on", now - 3 * HOUR, hours=1)
    assert level(schedule, "features", (earlier,), now).since == now
    assert level(schedule, "features", (an_override("on", now - HOUR),), now).since == now - HOUR


def test_the_forecast_of_a_week() -> None:
    schedule = a_schedule("Mon-Fri 06:00-20:00", lead="30m", holidays="2026-03-04")
    found = schedule_changes(schedule, "features", (), utc("2026-03-02 12:00"), ahead=timedelta(days=7))
    assert [(f"{turn.at:%a %H:%M}", turn.awake) for turn in found] == [
        ("Mon 20:00", False),
        ("Tue 05:30", True),
        ("Tue 20:00", False),
        ("Thu 05:30", True),
        ("Thu 20:00", False),
        ("Fri 05:30", True),
        ("Fri 20:00", False),
        ("Mon 05:30", True),
    ]


@cache
def clock_changes(zone: str) -> list[datetime]:
    """Every change of a zone's offset in ten years, to the minute."""
    found, hour, info = [], datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    while hour.year < 2036:
        if hour.astimezone(info).utcoffset() != (hour + 6 * HOUR).astimezone(info).utcoffset():
            before = hour.astimezone(info).utcoffset()
            minutes = (hour + timedelta(minutes=minute) for minute in range(361))
            found.append(next(each for each in minutes if each.astimezone(info).utcoffset() != before))
        hour += 6 * HOUR
    return found


def shown_within(span: str, now: datetime, zone: str) -> bool:
    """Whether a clock on the wall there shows a time of a daily span."""
    shown, (start, end) = f"{now.astimezone(ZoneInfo(zone)):%H:%M}", span.split(" ")[1].split("-")
    return start <= shown < end if start < end else shown >= start or shown < end


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("span", ["Mon-Sun 01:30-02:30", "Mon-Sun 23:30-00:15", "Mon-Sun 06:00-20:00"])
def test_whatever_the_clock_on_the_wall_does_what_it_shows_is_what_counts(zone: str, span: str) -> None:
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
            found = next((turn.awake for turn in reversed(forecast) if turn.at <= now), state)
            if shown_within(span, now, zone):
                assert found, now
            elif abs(minutes) > 120:  # around the change itself, awake may win
                assert not found, now


day_names = st.sampled_from(["Mon-Fri", "Sat,Sun", "Mon-Sun", "Wed", "Fri-Mon"])
times = st.times().map(lambda time: f"{time:%H:%M}")
spans = st.builds("{} {}-{}".format, day_names, times, times).filter(lambda text: text[-5:] != text[-11:-6])
moments = st.integers(0, 10 * 365 * 24 * 60).map(lambda each: utc("2026-01-01") + timedelta(minutes=each))


@given(
    awake_spans=st.lists(spans, max_size=3),
    zone=st.sampled_from(ZONES),
    lead=st.sampled_from(["0m", "30m", "12h"]),
    start=moments,
    asked=st.lists(
        st.tuples(st.sampled_from(["on", "off"]), st.floats(-48, 0), st.floats(0.1, 200)), max_size=2
    ),
    ticks=st.lists(st.floats(0, 100), min_size=1, max_size=6),
)
def test_the_state_depends_on_the_time_alone_however_the_ticks_come(
    awake_spans: list[str],
    zone: str,
    lead: str,
    start: datetime,
    asked: list[tuple[str, float, float]],
    ticks: list[float],
) -> None:
    """kube-green#246: a busy controller missed a window of 60 seconds, and everything slept a day longer."""
    schedule = a_schedule(*awake_spans, zone=zone, lead=lead, holidays="FI, US")
    overrides = [an_override(state, start + at * HOUR, hours=hours) for state, at, hours in asked]
    forecast = schedule_changes(schedule, "features", overrides, start, ahead=101 * HOUR)
    state = awake(schedule, start, *overrides)
    assert [turn.awake for turn in forecast] == [state is (n % 2 == 1) for n in range(len(forecast))]
    for hours in ticks:  # late, early, twice, in any order
        now = start + hours * HOUR
        said = [turn.awake for turn in forecast if turn.at <= now]
        assert awake(schedule, now, *overrides) is (said[-1] if said else state)


def test_a_date_of_a_holiday_is_the_day_there_and_not_in_utc() -> None:
    schedule = a_schedule("Mon-Sun 00:00-24:00", zone="Pacific/Auckland", holidays=str(date(2026, 3, 4)))
    assert not awake(schedule, utc("2026-03-03 12:00"))  # 4 March, 01:00 there
    assert awake(schedule, utc("2026-03-04 12:00"))
