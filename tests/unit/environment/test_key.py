import contextlib
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coppice.environment.key import Key, from_message
from coppice.reconciler.message import NONE, Stamps

KEY = Key(repository="acme/todo", branch="feature/new-login")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def test_a_message_is_the_key_and_nothing_else() -> None:
    assert json.loads(KEY.to_message()) == {"repository": "acme/todo", "branch": "feature/new-login"}


def test_a_message_that_was_put_off_says_since_when() -> None:
    since = datetime(2026, 3, 1, 22, 5, tzinfo=timezone(timedelta(hours=1)))

    assert json.loads(KEY.to_message(Stamps(first_seen=since)))["firstSeen"] == "2026-03-01T22:05:00+01:00"


@given(repository=NAMES, branch=NAMES, since=st.none() | st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_again(repository: str, branch: str, since: datetime | None) -> None:
    key = Key(repository=repository, branch=branch)

    stamps = Stamps(first_seen=since)
    assert from_message(key.to_message(stamps)) == (key, stamps)
    assert from_message(key.to_message(stamps).encode()) == (key, stamps)


def test_other_keys_are_ignored() -> None:
    message = json.loads(KEY.to_message()) | {"action": "delete", "force": True, "commit": None}

    assert from_message(json.dumps(message)) == (KEY, NONE)


@pytest.mark.parametrize("stamp", [None, 7, [], "", "soon", "2026-03-01", "2026-03-01T22:05:00", "\ud800"])
def test_a_stamp_that_is_no_time_does_not_keep_the_branch_from_being_looked_at(stamp: object) -> None:
    message = json.loads(KEY.to_message()) | {"firstSeen": stamp}

    assert from_message(json.dumps(message)) == (KEY, NONE)


def test_a_stamp_may_be_in_zulu_time() -> None:
    message = json.loads(KEY.to_message()) | {"firstSeen": "2026-03-01T21:05:00Z"}

    assert from_message(json.dumps(message)) == (
        KEY,
        Stamps(first_seen=datetime(2026, 3, 1, 21, 5, tzinfo=UTC)),
    )


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("new-login", "not JSON"),
        (b"\xff\xfe\xff", "not JSON"),
        ("9" * 5000, "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("null", "The message is missing or null"),
        ("[]", "The message is of type list"),
        ('{"branch": "x"}', "repository is missing"),
        ('{"repository": "a/b"}', "branch is missing"),
        ('{"repository": "a/b", "branch": 7}', "branch is of type int"),
        ('{"repository": "a/b", "branch": ""}', "branch is empty"),
        ('{"repository": "a/b", "branch": "\\ud800"}', "lone surrogate"),
    ],
)
def test_a_message_that_names_no_branch_says_why(text: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        from_message(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["repository", "branch", "firstSeen", "correlationId"]), inner)
    ),
    max_leaves=6,
)


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_no_message_raises_anything_but_a_value_error(text: str | bytes) -> None:
    with contextlib.suppress(ValueError):
        key, stamps = from_message(text)

        assert from_message(key.to_message(stamps)) == (key, stamps)


def test_the_largest_key_still_fits_a_queue_message_with_its_stamps() -> None:
    room = 48 * 1024 - 256 - len(Key(repository="a/b", branch="x").to_message()) + 1
    largest = Key(repository="a/b", branch="x" * room)

    stamps = Stamps(first_seen=datetime.max.replace(tzinfo=UTC), correlation_id="9" * 64)
    assert len(b64encode(largest.to_message(stamps).encode())) < 64 * 1024
    with pytest.raises(ValueError, match="a queue message has room for"):
        Key(repository="a/b", branch="x" * (room + 1))


@pytest.mark.parametrize("escaped", ["\x01", '"', "\\", "🌲"])
def test_the_size_is_counted_as_it_is_written(escaped: str) -> None:
    with pytest.raises(ValueError, match="a queue message has room for"):
        Key(repository="a/b", branch=escaped * 25_000)
