"""Tests of failing reads: the run waits, or stalls with a message to the person who can fix it.

Until then it changes nothing.
"""

from collections.abc import Callable

import pytest

from coppice.reconciler.errors import Failure, Forbidden, Throttled, Unreachable
from coppice.reconciler.outcome import Stalled, Waiting
from tests.support.program import Program

READS = [
    "read repository",
    "read head of x",
    "read books of x",
    "get namespace/feature-x",
    "read issuer",
    "list credentials of ",
    "fetch ",
    "get identity/rg/id-0",
    "list books",
    "list routes",
]
each_read = pytest.mark.parametrize("call", READS)


def failing(at: str, failure: Failure) -> Callable[[str], None]:
    def before(what: str) -> None:
        if what.startswith(at):
            raise failure

    return before


def coming() -> Program:
    program = Program()
    program.push("x")
    return program


@each_read
def test_what_cannot_be_reached_is_waited_for(call: str) -> None:
    program = coming()
    program.world.before = failing(call, Unreachable(f"{call}: connection reset"))

    report = program.run("x")

    assert isinstance(report.outcome, Waiting)
    assert f"{call}: connection reset" in report.outcome.why
    assert program.world.writes() == []


@each_read
def test_whoever_asks_for_patience_gets_it(call: str) -> None:
    program = coming()
    program.world.before = failing(call, Throttled("slow down", retry_after=300))

    outcome = program.run("x").outcome

    assert isinstance(outcome, Waiting)
    assert outcome.retry_after == 300


@each_read
def test_what_may_not_be_read_is_told_to_a_person_with_what_to_do(call: str) -> None:
    program = coming()
    program.world.before = failing(call, Forbidden("403. Grant the role Reader"))

    outcome = program.run("x").outcome

    assert isinstance(outcome, Stalled)
    assert "Grant the role Reader" in outcome.why
    assert program.world.writes() == []


@pytest.mark.parametrize("call", READS[:6])
def test_nothing_is_removed_on_what_cannot_be_read(call: str) -> None:
    program = coming()
    program.stand("x")
    program.delete_branch("x")
    before = len(program.world.calls)
    program.world.before = failing(call, Unreachable("connection reset"))

    report = program.run("x")

    assert isinstance(report.outcome, Waiting)
    assert program.world.writes(since=before) == []
