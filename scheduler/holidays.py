"""Public holidays, from the `holidays` package: https://holidays.readthedocs.io.

The package is imported where it is used, because most runs need no holiday.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache


def check_calendar(value: object) -> str:
    """Check that a calendar is known.

    Args:
        value: a country such as `FI`, or a subdivision such as `DE-BY`.

    Returns:
        The value, unchanged.

    Raises:
        ValueError: the value is neither.
    """
    import holidays  # noqa: PLC0415

    if isinstance(value, str):
        country, _, subdivision = value.partition("-")
        subdivisions = holidays.list_supported_countries().get(country)
        if subdivisions is not None and (subdivision in subdivisions if "-" in value else True):
            return value
    raise ValueError(
        "expected a country such as FI, a part of one such as DE-BY, or a date such as 2026-12-24"
    )


def holiday_name(day: date, calendars: Iterable[str | date]) -> str:
    """Say whether a day is a holiday.

    Args:
        day: the local day in the schedule's time zone.
        calendars: countries, subdivisions and single dates.

    Returns:
        The holiday's name and calendar; empty if the day is no holiday.
    """
    for calendar in calendars:
        if isinstance(calendar, date):
            if calendar == day:
                return f"{day:%d %B}"
        elif name := _holidays_in(calendar, day.year).get(day):
            return f"{name}, {calendar}"
    return ""


@lru_cache(maxsize=64)
def _holidays_in(calendar: str, year: int) -> dict[date, str]:
    import holidays  # noqa: PLC0415

    country, _, subdivision = calendar.partition("-")
    days = holidays.country_holidays(country, subdiv=subdivision or None, years=year, language="en_US")
    return dict(days.items())
