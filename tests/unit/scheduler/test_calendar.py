from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.calendar import level, schedule_changes
from scheduler.overrides import Override
from tests.unit.scheduler.calendars import HOUR, a_schedule, an_override, awake, utc


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


def test_an_environment_wakes_its_lead_time_early() -> None:
    schedule = a_schedule("Mon-Fri 06:00-20:00", lead="30m")
    current = level(schedule, "features", (), utc("2026-03-02 05:30"))
    assert (current.awake, current.why) == (True, "due at 06:00 UTC")
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
    current = level(schedule, "features", [an_override("on", start)], start)
    assert current.awake
    assert current.why == "override: on by Ada until 2026-03-04 04:00 UTC: a demonstration"
    assert not awake(schedule, start + 8 * HOUR, an_override("on", start))
    assert not awake(schedule, start + timedelta(days=7), an_override("on", start, hours=10_000))


def test_an_override_of_another_environment_has_no_effect() -> None:
    now = utc("2026-03-03 20:00")
    other = Override(environment="dev", state="on", since=now, until=now + HOUR)
    assert not awake(a_schedule("Mon 08:00-12:00"), now, other)


def test_an_override_written_by_a_fast_clock_begins_at_once() -> None:
    now = utc("2026-03-03 20:00")
    assert awake(a_schedule("Mon 08:00-12:00"), now, an_override("on", now + timedelta(seconds=20)))


def test_a_level_says_when_it_began() -> None:
    schedule = a_schedule("Mon-Fri 06:00-20:00")
    assert level(schedule, "features", (), utc("2026-03-09 03:00")).since == utc("2026-03-06 20:00")
    asleep = an_override("off", utc("2026-03-09 12:00"))
    assert level(schedule, "features", [asleep], utc("2026-03-09 13:00")).since == utc("2026-03-09 12:00")


def test_the_level_of_an_environment_without_hours_begins_now() -> None:
    """A push after the level began wakes a branch. Without hours, it would never have slept otherwise."""
    schedule, now = a_schedule(), utc("2026-03-02T10:00")
    assert level(schedule, "features", (), now).since == now
    earlier = an_override("on", now - 3 * HOUR, hours=1)
    assert level(schedule, "features", (earlier,), now).since == now
    assert level(schedule, "features", (an_override("on", now - HOUR),), now).since == now - HOUR


def test_a_forecast_of_a_week() -> None:
    schedule = a_schedule("Mon-Fri 06:00-20:00", lead="30m", holidays="2026-03-04")
    forecast = schedule_changes(schedule, "features", (), utc("2026-03-02 12:00"), ahead=timedelta(days=7))
    assert [(f"{change.at:%a %H:%M}", change.awake) for change in forecast] == [
        ("Mon 20:00", False),
        ("Tue 05:30", True),
        ("Tue 20:00", False),
        ("Thu 05:30", True),
        ("Thu 20:00", False),
        ("Fri 05:30", True),
        ("Fri 20:00", False),
        ("Mon 05:30", True),
    ]


def test_the_date_of_a_holiday_is_a_local_day() -> None:
    schedule = a_schedule("Mon-Sun 00:00-24:00", zone="Pacific/Auckland", holidays=str(date(2026, 3, 4)))
    assert not awake(schedule, utc("2026-03-03 12:00"))  # 4 March, 01:00 there
    assert awake(schedule, utc("2026-03-04 12:00"))
