"""Public holidays by the calendars of the `holidays` package: https://holidays.readthedocs.io.

It is imported where it is used, because most runs ask for no holiday.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache


def check_calendar(value: object) -> str:
    """Check that a calendar is known.

    Args:
        value: a country such as `FI`, or a part of one such as `DE-BY`.

    Returns:
        The same.

    Raises:
        ValueError: it is neither.
    """
    import holidays  # noqa: PLC0415

    if isinstance(value, str):
        country, _, part = value.partition("-")
        parts = holidays.list_supported_countries().get(country)
        if parts is not None and (part in parts if "-" in value else True):
            return value
    raise ValueError(
        "expected a country such as FI, a part of one such as DE-BY, or a date such as 2026-12-24"
    )


def name_of(day: date, calendars: Iterable[str | date]) -> str:
    """Say whether a day is a holiday.

    Args:
        day: the day, where the schedule is.
        calendars: countries, parts of them, and single dates.

    Returns:
        The holiday's name and calendar; empty if it is none.
    """
    for calendar in calendars:
        if isinstance(calendar, date):
            if calendar == day:
                return f"{day:%d %B}"
        elif name := _year(calendar, day.year).get(day):
            return f"{name}, {calendar}"
    return ""


@lru_cache(maxsize=64)
def _year(calendar: str, year: int) -> dict[date, str]:
    import holidays  # noqa: PLC0415

    country, _, part = calendar.partition("-")
    found = holidays.country_holidays(country, subdiv=part or None, years=year, language="en_US")
    return dict(found.items())
