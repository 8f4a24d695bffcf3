"""Reading has a little patience, and writing has it where its turn is a matter of seconds."""

from types import SimpleNamespace

import pytest
import tenacity

from adapters.retry import poll_until, retry_reads, retry_throttled
from coppice.reconciler.errors import (
    Conflict,
    Failure,
    Forbidden,
    Gone,
    NotSetUp,
    QuotaReached,
    Rejected,
    Throttled,
    Unreachable,
)


def tried(errors: list[Exception]) -> int:
    """How often a call was made that fails with these, one after the other, and then succeeds."""
    calls = 0

    @retry_reads
    def call() -> None:
        nonlocal calls
        calls += 1
        if errors:
            raise errors.pop(0)

    call()
    return calls


def test_an_answer_that_did_not_come_twice_comes_at_the_third_try() -> None:
    assert tried([Unreachable("1"), Unreachable("2")]) == 3


def test_the_third_error_is_told_as_it_is() -> None:
    with pytest.raises(Unreachable, match=r"^3$"):
        tried([Unreachable("1"), Unreachable("2"), Unreachable("3"), Unreachable("4")])


@pytest.mark.parametrize("kind", [Conflict, Forbidden, Gone, NotSetUp, QuotaReached, Rejected, Throttled])
def test_an_answer_is_not_asked_for_again(kind: type[Failure]) -> None:
    with pytest.raises(kind):
        tried([kind("no")])


def test_who_says_when_to_come_back_is_not_asked_before() -> None:
    with pytest.raises(Unreachable):
        tried([Unreachable("later", retry_after=1)])


def test_a_bug_is_not_tried_again() -> None:
    with pytest.raises(ZeroDivisionError):
        tried([ZeroDivisionError()])


def test_three_tries_wait_for_less_than_a_second_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=waits.append))
    tried([Unreachable("1"), Unreachable("2")])
    assert len(waits) == 2
    assert sum(waits) < 1


def test_a_call_keeps_its_name_and_its_words() -> None:
    @retry_reads
    def heads() -> None:
        """Every branch."""

    assert (heads.__name__, heads.__doc__) == ("heads", "Every branch.")


def test_a_write_comes_again_as_long_as_its_turns_are_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=waits.append))
    turns = [Throttled("soon", retry_after=4), Throttled("late", retry_after=11)]

    @retry_throttled
    def write() -> None:
        raise turns.pop(0)

    with pytest.raises(Throttled, match="late"):
        write()
    assert [round(each) for each in waits] == [4]


@pytest.mark.parametrize("kind", [Conflict, Forbidden, Gone, QuotaReached, Unreachable])
def test_a_write_that_may_have_been_done_is_not_sent_again(kind: type[Failure]) -> None:
    sent = []

    @retry_throttled
    def write() -> None:
        sent.append(1)
        raise kind("no", retry_after=1)

    with pytest.raises(kind):
        write()
    assert sent == [1]


def test_what_is_awaited_is_looked_for_until_it_is_there() -> None:
    looks = [None, None, "there"]
    assert poll_until(lambda: looks.pop(0), seconds=10) == "there"


def test_what_does_not_come_is_given_up() -> None:
    looks: list[int] = []
    assert poll_until(lambda: looks.append(1), seconds=0) is None
    assert len(looks) == 1
    assert poll_until(lambda: looks.append(1), seconds=2) is None
    assert len(looks) == 1 + 3
