"""Tests that a message is only a key, and never an instruction."""

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coppice.environment.key import from_message
from coppice.reconciler.correlation import accepted, correlated
from coppice.reconciler.message import NONE, Stamps
from coppice.reconciler.outcome import Done, Outcome, Stalled, Waiting
from coppice.reconciler.requeue import requeue_after
from tests.support.config import key
from tests.support.program import Program
from tests.support.snapshot import snapshot
from tests.support.world import START

DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
EXTRA = st.dictionaries(
    st.sampled_from(
        [
            "action",
            "deleted",
            "commit",
            "after",
            "force",
            "firstSeen",
            "correlationId",
            "namespace",
            "revision",
        ]
    ),
    JSON | st.sampled_from(["delete", "2026-03-02T08:59:00+00:00", "0" * 40, DELIVERY]),
)
STATES = ["absent", "standing", "behind", "gone", "held", "going"]


def prepared(state: str) -> Program:
    program = Program()
    if state == "absent":
        program.push("x")
        return program
    program.stand("x")
    if state == "behind":
        program.push("x")
    if state in {"gone", "going"}:
        program.delete_branch("x")
    if state == "held":
        program.ask("x", "hold")
    if state == "going":
        program.run("x")
    program.queue.clear()
    return program


BEFORE = {state: prepared(state) for state in STATES}


@given(state=st.sampled_from(STATES), extra=EXTRA)
def test_stripped_of_all_but_the_key_every_message_has_the_same_outcome(
    state: str, extra: dict[str, object]
) -> None:
    plain, adorned = BEFORE[state].copy(), BEFORE[state].copy()
    message = key("x").to_message()

    report = plain.work(message)
    other = adorned.work(json.dumps({**extra, **json.loads(message)}))

    told = other.as_json()
    assert told.pop("correlation_id", "") == accepted(extra.get("correlationId"))
    assert told == report.as_json()
    assert snapshot(adorned.world) == snapshot(plain.world)
    plain.drain()
    adorned.drain()
    plain.sweep()
    adorned.sweep()
    assert plain.drain() is not None
    assert adorned.drain() is not None
    assert snapshot(adorned.world) == snapshot(plain.world)


WAITING = Waiting("pods are starting", "rollout", 10)


@pytest.mark.parametrize("outcome", [Done(), Stalled("refused", "refused")])
def test_a_run_that_has_ended_does_not_come_back(outcome: Outcome) -> None:
    assert requeue_after(outcome, NONE, now=START) is None


def test_a_waiting_key_comes_back_and_says_since_when_it_waits_and_what_led_to_it() -> None:
    later = requeue_after(WAITING, Stamps(correlation_id=DELIVERY), now=START)

    assert later is not None
    stamps, delay = later
    assert delay == 10
    assert from_message(key("x").to_message(stamps)) == (
        key("x"),
        Stamps(first_seen=START, correlation_id=DELIVERY),
    )


def test_a_key_that_came_back_keeps_its_stamp() -> None:
    first = START - timedelta(minutes=5)
    later = requeue_after(WAITING, Stamps(first_seen=first), now=START)

    assert later is not None
    assert later[0].first_seen == first


def test_after_ten_minutes_a_waiting_key_is_the_sweeps() -> None:
    """Otherwise each sweep would start another chain of messages that never ends."""
    almost = Stamps(first_seen=START - timedelta(minutes=9, seconds=59))

    assert requeue_after(WAITING, almost, now=START) is not None
    assert requeue_after(WAITING, Stamps(first_seen=START - timedelta(minutes=10)), now=START) is None


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_a_key_never_comes_back_at_once(seconds: float) -> None:
    later = requeue_after(Waiting("to be built", "build", seconds), NONE, now=START)

    assert later is not None
    assert later[1] == 1


def test_every_run_of_a_chain_of_messages_bears_what_led_to_the_first() -> None:
    program = Program()
    program.push("x")
    program.queue.append((START, key("x").to_message(Stamps(correlation_id=DELIVERY))))

    reports = program.drain()

    assert len(reports) > 1
    assert {each.correlation_id for each in reports} == {DELIVERY}


def test_the_keys_of_a_sweep_bear_the_sweeps_own() -> None:
    program = Program()
    program.push("x")
    with correlated("a-sweep"):
        program.sweep()

    assert {each.correlation_id for each in program.drain()} == {"a-sweep"}


def test_a_chain_of_messages_ends_in_a_world_that_never_settles() -> None:
    program = Program()
    program.push("x")
    program.world.stuck["feature-x"] = ("finalizers",)
    program.stand("x")
    program.delete_branch("x")
    program.tell("x")
    started: datetime = program.world.now

    program.drain()

    assert program.queue == []
    assert program.world.now - started <= timedelta(minutes=11)


def test_a_key_of_another_repository_is_refused_with_the_reason() -> None:
    program = Program()

    report = program.work('{"repository": "acme/blog", "branch": "x"}')

    assert isinstance(report.outcome, Stalled)
    assert "acme/todo" in report.outcome.why
    assert program.world.calls == []


def test_messages_that_come_twice_or_in_the_wrong_order_do_no_harm() -> None:
    program = Program()
    program.push("x")
    once = program.copy()
    once.tell("x")
    once.drain()
    for _ in range(3):
        program.tell("x")
    program.tell("gone")
    program.tell("x")
    program.queue.reverse()

    program.drain()

    assert snapshot(program.world) == snapshot(once.world)
