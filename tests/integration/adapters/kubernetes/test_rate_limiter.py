"""Turns to write to Azure: far enough apart for everybody, and none left unused that could be had."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import tenacity
from hypothesis import given
from hypothesis import strategies as st

from adapters.kubernetes.leases import Leases
from adapters.kubernetes.rate_limiter import (
    ACTIVE_FOR,
    BETWEEN_WRITES,
    LONGEST_WAIT,
    PER_IDENTITY,
    RateLimiter,
    Slot,
    next_slot,
)
from coppice.reconciler.errors import Conflict, Throttled
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.worlds import Cluster

LEASES = "/apis/coordination.k8s.io/v1/namespaces/coppice-system/leases"
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ARRIVALS = st.lists(st.tuples(st.floats(0, 3), st.sampled_from("abcdefghij")), max_size=60)


@pytest.fixture
def waits(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long somebody waited, each time; the clock goes on meanwhile."""
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(round(seconds, 3))
        cluster.clock.go_on(seconds)

    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=wait))
    return waited


def refused(turns: RateLimiter, identity: str = "a") -> None:
    with pytest.raises(Throttled), turns.of(identity):
        raise Throttled("too fast", retry_after=4)


def written(turns: RateLimiter, *identities: str) -> None:
    for each in identities:
        with turns.of(each):
            pass


def note(cluster: Cluster) -> dict[str, Any]:
    return cluster.standing(f"{LEASES}/azure-writes")


@given(ARRIVALS)
def test_no_two_turns_are_too_near(arrivals: list[tuple[float, str]]) -> None:
    now, taken = START, list[Slot]()
    for pause, identity in arrivals:
        now += timedelta(seconds=pause)
        turn = next_slot(taken, identity, now)
        assert turn.at >= now
        for other in taken:
            assert abs(turn.at - other.at) >= (PER_IDENTITY if other.identity == identity else BETWEEN_WRITES)
        taken.append(turn)


@given(ARRIVALS)
def test_no_turn_is_left_unused_that_could_have_been_had(arrivals: list[tuple[float, str]]) -> None:
    now, taken = START, list[Slot]()
    for pause, identity in arrivals:
        now += timedelta(seconds=pause)
        turn = next_slot(taken, identity, now)
        own = [each.at + PER_IDENTITY for each in taken if each.identity == identity]
        at = max([now, *own])
        while at < turn.at:  # at every earlier moment somebody else is too near
            near = [each.at for each in taken if abs(each.at - at) < BETWEEN_WRITES]
            assert near
            at = max(near) + BETWEEN_WRITES
        assert at == turn.at
        taken.append(turn)


def test_as_long_as_azure_refuses_nothing_no_turn_is_taken(cluster: Cluster, waits: list[float]) -> None:
    written(RateLimiter(cluster.api, cluster.clock), "a", "a", "b")
    assert waits == []
    assert cluster.emulator.requests == []


def test_after_a_refusal_writes_are_kept_apart_over_all_workers(cluster: Cluster, waits: list[float]) -> None:
    one, other = RateLimiter(cluster.api, cluster.clock), RateLimiter(cluster.api, cluster.clock)
    refused(one)
    refused(other)
    written(one, "a")
    written(other, "b", "a")
    written(one, "c")
    apart, of_one = BETWEEN_WRITES.total_seconds(), PER_IDENTITY.total_seconds()
    assert waits == [apart, round(of_one - apart, 3), apart]


def test_a_minute_after_somebody_had_to_wait_turns_are_no_longer_taken(
    cluster: Cluster, waits: list[float]
) -> None:
    turns = RateLimiter(cluster.api, cluster.clock)
    refused(turns)
    cluster.clock.go_on(59)
    written(turns, "a", "b")  # the second waits, and is remembered
    cluster.clock.go_on(59)
    written(turns, "a")
    before = len(cluster.emulator.requests)
    cluster.clock.go_on(ACTIVE_FOR.total_seconds())
    written(turns, "a")
    assert len(cluster.emulator.requests) == before
    assert waits == [BETWEEN_WRITES.total_seconds()]


def test_a_turn_that_is_far_away_is_not_waited_for_and_not_kept(cluster: Cluster, waits: list[float]) -> None:
    turns = RateLimiter(cluster.api, cluster.clock)
    refused(turns)
    later = (cluster.clock() + LONGEST_WAIT).isoformat()
    document = {"metadata": {"name": "azure-writes", "annotations": {"coppice.dev/turns": ""}}}
    document["metadata"]["annotations"] = {"coppice.dev/turns": json.dumps([[later, "a"]])}
    cluster.made(LEASES, document)
    with pytest.raises(Throttled, match="the next turn of a is in 14 s") as caught:
        written(turns, "a")
    assert caught.value.retry_after == pytest.approx(14.1)
    assert cluster.asked("PUT") == []
    assert waits == []


@pytest.mark.parametrize(
    "unparseable", ["", "{", "[1]", '[["yesterday", "a"]]', '[["2026-03-02T08:00:00", 1, 2]]']
)
def test_a_note_that_somebody_has_spoilt_is_made_anew(
    cluster: Cluster, waits: list[float], unparseable: str
) -> None:
    cluster.made(
        LEASES, {"metadata": {"name": "azure-writes", "annotations": {"coppice.dev/turns": unparseable}}}
    )
    turns = RateLimiter(cluster.api, cluster.clock)
    refused(turns)
    written(turns, "a", "b")
    assert waits == [BETWEEN_WRITES.total_seconds()]
    assert len(json.loads(note(cluster)["metadata"]["annotations"]["coppice.dev/turns"])) == 2


def test_turns_of_a_clock_that_is_far_ahead_keep_nobody_waiting(cluster: Cluster, waits: list[float]) -> None:
    ahead = (cluster.clock() + timedelta(hours=1)).isoformat()
    annotations = {"coppice.dev/turns": json.dumps([[ahead, "a"]])}
    cluster.made(LEASES, {"metadata": {"name": "azure-writes", "annotations": annotations}})
    turns = RateLimiter(cluster.api, cluster.clock)
    refused(turns)
    written(turns, "a")
    assert waits == []


def test_who_notes_a_turn_at_the_same_time_looks_again(cluster: Cluster, waits: list[float]) -> None:
    turns = RateLimiter(cluster.api, cluster.clock)
    refused(turns)
    cluster.emulator.fail(Fail(status=409, method="POST", times=3))
    written(turns, "a")
    assert len(cluster.asked("POST")) == 4
    assert len(waits) == 3
    assert max(waits) < 0.2


def test_whoever_is_always_too_late_says_so(cluster: Cluster, waits: list[float]) -> None:
    turns = RateLimiter(cluster.api, cluster.clock)
    refused(turns)
    cluster.emulator.fail(Fail(status=409, method="POST", times=100))
    with pytest.raises(Conflict):
        written(turns, "a")
    assert len(waits) < 100


def test_a_sweep_clears_the_note_away_once_its_last_turn_is_over_and_calls_it_no_run_that_died(
    cluster: Cluster, waits: list[float]
) -> None:
    turns, leases = RateLimiter(cluster.api, cluster.clock), Leases(cluster.api, cluster.clock)
    refused(turns)
    written(turns, "a")
    cluster.clock.go_on(4)
    assert leases.clear_away() == ()
    assert note(cluster)["spec"]["holderIdentity"] == ""
    cluster.clock.go_on(1)
    assert leases.clear_away() == ()
    assert cluster.standing(LEASES)["items"] == []
    assert waits == []
