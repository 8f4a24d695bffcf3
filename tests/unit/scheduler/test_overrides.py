from datetime import UTC, datetime, timedelta

import pytest

from scheduler.overrides import Override, parse_override

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_an_override_ends_after_eight_hours_by_default() -> None:
    override = parse_override("dev", {"state": "on"}, who="Ada", now=NOW)
    assert (override.state, override.until, override.since, override.who) == (
        "on",
        NOW + timedelta(hours=8),
        NOW,
        "Ada",
    )


def test_an_override_ends_at_the_given_time_in_any_zone() -> None:
    override = parse_override("dev", {"state": "off", "until": "2026-03-02T20:00:00+02:00"}, who="", now=NOW)
    assert override.ends == datetime(2026, 3, 2, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, 'state is None: expected "on" or "off"'),
        ({"state": True}, 'state is True: expected "on" or "off"'),
        ({"state": "on", "for": 3}, "'for' is not known here: expected state, until, reason"),
        ({"state": "on", "until": "tomorrow"}, "until is 'tomorrow': expected a time with its zone"),
        ({"state": "on", "until": 3}, "until is 3: expected a time with its zone"),
        ({"state": "on", "until": "2026-03-02T20:00:00"}, "expected a time with its zone"),
        ({"state": "on", "until": "0001-01-01T00:00:00+14:00"}, "expected a time with its zone"),
        ({"state": "on", "until": "2026-03-02T12:00:00Z"}, "expected a time within the next 7 days"),
        ({"state": "on", "until": "2026-03-09T12:00:01Z"}, "expected a time within the next 7 days"),
        ({"state": "on", "reason": 3}, "reason: expected text"),
        ({"state": "on", "reason": "x" * 501}, "reason: expected text of at most 500 characters"),
    ],
)
def test_an_invalid_override_is_refused(body: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is what is looked at
        parse_override("dev", body, who="Ada", now=NOW)
    assert why in str(error.value)


def test_an_override_ends_after_seven_days_at_the_latest() -> None:
    override = Override(environment="dev", state="on", since=NOW, until=NOW + timedelta(days=3650))
    assert override.ends == NOW + timedelta(days=7)
