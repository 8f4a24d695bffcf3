"""The one codec of both queues: a key's fields, and stamps that decide nothing."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coppice.reconciler.correlation import correlated
from coppice.reconciler.message import NONE, Stamps, decode, encode, stamps_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
IDS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")


@given(
    key=st.text(min_size=1),
    first_seen=st.none() | st.datetimes(timezones=st.just(UTC)),
    correlation_id=st.just("") | IDS,
)
def test_what_is_written_is_read_again(key: str, first_seen: datetime | None, correlation_id: str) -> None:
    stamps = Stamps(first_seen=first_seen, correlation_id=correlation_id)

    assert decode(encode({"environment": key}, stamps), "environment") == ({"environment": key}, stamps)


def test_a_message_of_a_former_version_has_no_correlation_id() -> None:
    fields, stamps = decode('{"environment": "dev", "firstSeen": "2026-03-02T12:00:00+00:00"}', "environment")

    assert (fields, stamps) == ({"environment": "dev"}, Stamps(first_seen=NOON))


def test_a_former_version_finds_the_key_and_its_stamp_where_they_were() -> None:
    written = json.loads(encode({"environment": "dev"}, Stamps(first_seen=NOON, correlation_id=DELIVERY)))

    assert written.pop("correlationId") == DELIVERY
    assert written == {"environment": "dev", "firstSeen": "2026-03-02T12:00:00+00:00"}


@pytest.mark.parametrize(
    "stamp",
    [None, 7, [], {}, "", "a b", "a\nb", 'a"b', "a%sb", "ä", "-a", "a" * 65, "a\u0000", "\ud800", "a\n"],
)
def test_a_correlation_id_that_may_not_stand_in_a_header_counts_as_none(stamp: object) -> None:
    text = json.dumps({"environment": "dev", "correlationId": stamp})

    assert decode(text, "environment") == ({"environment": "dev"}, NONE)
    assert "correlationId" not in encode({"environment": "dev"}, Stamps(correlation_id=stamp))  # type: ignore[arg-type]


def test_a_message_that_is_written_now_says_what_led_to_it() -> None:
    assert Stamps.now() == NONE
    with correlated(DELIVERY):
        assert Stamps.now() == Stamps(correlation_id=DELIVERY)


def test_the_stamps_of_an_unreadable_message_are_told_if_they_can_be() -> None:
    assert stamps_of(f'{{"correlationId": "{DELIVERY}"}}') == Stamps(correlation_id=DELIVERY)
    assert [stamps_of(each) for each in ("", "{", "[]", "[" * 10**5, b"\xff")] == [NONE] * 5
