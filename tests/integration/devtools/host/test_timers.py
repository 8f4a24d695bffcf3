from datetime import UTC, datetime, timedelta

import pytest

from devtools.host.timers import check_schedule, keep_time, next_fire


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("0 */10 * * * *", "2026-03-01T12:00:00", "2026-03-01T12:10:00"),
        ("0 */10 * * * *", "2026-03-01T12:09:59", "2026-03-01T12:10:00"),
        ("30 0 3 * * *", "2026-03-01T12:00:00", "2026-03-02T03:00:30"),
        ("*/5 * * * * *", "2026-12-31T23:59:58", "2027-01-01T00:00:00"),
        ("0 30 9 * * 1-5", "2026-11-20T10:00:00", "2026-11-23T09:30:00"),
        ("0 0 0 13 * 5", "2026-11-20T00:00:00", "2027-08-13T00:00:00"),
        ("0 30 2 29 3 *", "2026-03-01T00:00:00", "2026-03-29T02:30:00"),
    ],
    ids=["minutes", "a-second-before", "seconds-first", "new-year", "weekdays", "both-day-fields", "no-zone"],
)
def test_a_schedule_fires_next(schedule: str, after: str, expected: str) -> None:
    assert next_fire(schedule, _utc(after)) == _utc(expected)


@pytest.mark.parametrize("schedule", ["*/10 * * * *", "00:10:00", "", "0 61 * * * *", "0 0 0 * * FOO"])
def test_a_schedule_that_cannot_be_read_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        check_schedule(schedule)


class Clock:
    """Waiting moves it on; it stops whoever waits at `end`."""

    def __init__(self, start: str, end: str) -> None:
        self.now = _utc(start)
        self.end = _utc(end)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += timedelta(seconds=seconds)
        return self.now > self.end


def test_a_timer_fires_at_each_occurrence_and_not_before_it() -> None:
    clock = Clock("2026-03-01T12:00:01", "2026-03-01T12:31:00")
    fired: list[datetime] = []
    keep_time(
        "0 */10 * * * *",
        run_on_startup=False,
        fire=lambda: fired.append(clock.now),
        clock=clock,
        wait=clock.wait,
    )
    assert fired == [_utc(f"2026-03-01T12:{minute}:00") for minute in (10, 20, 30)]


def test_a_run_that_takes_long_skips_what_it_overlaps() -> None:
    clock = Clock("2026-03-01T12:00:01", "2026-03-01T12:41:00")
    fired: list[datetime] = []

    def slow() -> None:
        fired.append(clock.now)
        clock.now += timedelta(minutes=15)

    keep_time("0 */10 * * * *", run_on_startup=False, fire=slow, clock=clock, wait=clock.wait)
    assert fired == [_utc("2026-03-01T12:10:00"), _utc("2026-03-01T12:30:00")]


def test_a_timer_that_is_to_run_at_start_does_so_once() -> None:
    clock = Clock("2026-03-01T12:00:01", "2026-03-01T12:05:00")
    fired: list[datetime] = []
    keep_time(
        "0 */10 * * * *",
        run_on_startup=True,
        fire=lambda: fired.append(clock.now),
        clock=clock,
        wait=clock.wait,
    )
    assert fired == [_utc("2026-03-01T12:00:01")]
