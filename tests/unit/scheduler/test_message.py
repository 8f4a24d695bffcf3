from datetime import UTC, datetime

import pytest

from coppice.reconciler.message import NONE, Stamps
from scheduler.message import from_message, to_message

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("first_seen", [None, NOON])
def test_a_message_is_read_as_it_was_written(first_seen: datetime | None) -> None:
    stamps = Stamps(first_seen=first_seen, correlation_id="a-tick")
    assert from_message(to_message("dev", stamps)) == ("dev", stamps)


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "{}", '{"environment": ""}', '{"environment": 3}', "[" * 10**5]
)
def test_a_message_without_an_environment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        from_message(text)


@pytest.mark.parametrize("stamp", ["3", '"soon"', '"2026-03-02T12:00:00"', "null"])
def test_an_invalid_time_and_unknown_keys_are_ignored(stamp: str) -> None:
    text = f'{{"environment": "dev", "firstSeen": {stamp}, "state": "off"}}'
    assert from_message(text) == ("dev", NONE)
