"""Schedules, overrides and times for the tests of the calendar."""

from datetime import UTC, datetime, timedelta

from scheduler.calendar import level
from scheduler.loading import load
from scheduler.overrides import Override
from scheduler.schedule import Schedule

ZONES = (
    "Europe/Helsinki",
    "Europe/London",
    "America/New_York",
    "America/Santiago",  # changes at midnight
    "America/St_Johns",  # an offset of half an hour
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Auckland",
    "Asia/Beirut",  # changes from midnight
    "Africa/Casablanca",  # changes twice more, for Ramadan
    "America/Havana",  # changes back to midnight
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
