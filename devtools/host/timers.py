"""Timer triggers: NCRONTAB with six fields, seconds first, in UTC.

NCRONTAB wants a day to satisfy day-of-month *and* day-of-week, where Unix cron takes either:
https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions.
"""

from collections.abc import Callable
from datetime import datetime

from croniter import CroniterBadCronError, croniter

_LONGEST_WAIT = 30.0  # seconds until the clock is read again, since a laptop may have slept


def check_schedule(schedule: str) -> None:
    """Check that a schedule is valid.

    Args:
        schedule: the expression.

    Raises:
        ValueError: the schedule does not have six fields, or a field is not valid.
    """
    if len(schedule.split()) != 6:
        raise ValueError(f"the schedule {schedule!r} is not NCRONTAB with six fields, seconds first")
    try:
        croniter(schedule, second_at_beginning=True)
    except CroniterBadCronError as error:
        raise ValueError(f"the schedule {schedule!r} cannot be read: {error}") from error


def next_fire(schedule: str, after: datetime) -> datetime:
    """Return the next occurrence of a schedule.

    Args:
        schedule: NCRONTAB with six fields.
        after: a time, in UTC.

    Returns:
        The first occurrence after that time.
    """
    found = croniter(schedule, after, second_at_beginning=True, day_or=False).get_next(datetime)
    assert isinstance(found, datetime)
    return found


def keep_time(
    schedule: str,
    *,
    run_on_startup: bool,
    fire: Callable[[], None],
    clock: Callable[[], datetime],
    wait: Callable[[float], bool],
) -> None:
    """Run a function at each occurrence, until told to stop; occurrences during a run are skipped.

    Args:
        schedule: NCRONTAB with six fields.
        run_on_startup: whether to fire once before the first occurrence.
        fire: runs the function, and returns when it has finished.
        clock: returns the time, in UTC.
        wait: waits for at most the given seconds; returns true if it is time to stop.
    """
    if run_on_startup:
        fire()
    while True:
        due = next_fire(schedule, clock())
        while (remaining := (due - clock()).total_seconds()) > 0:
            if wait(min(remaining, _LONGEST_WAIT)):
                return
        fire()
