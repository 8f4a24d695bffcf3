"""Reading has a little patience; nothing else has."""

from types import SimpleNamespace

import pytest
import tenacity

from adapters.retry import reading
from loop.errors import (
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

    @reading
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
    @reading
    def heads() -> None:
        """Every branch."""

    assert (heads.__name__, heads.__doc__) == ("heads", "Every branch.")
