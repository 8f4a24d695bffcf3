"""What holders leave that died: a sweep clears it away, and nothing else."""

from contextlib import AbstractContextManager
from typing import Any

import pytest

from adapters.kubernetes.leases import HeldLease, Leases
from coppice.reconciler.observation import read
from tests.integration.adapters.worlds import Cluster

LEASES = "/apis/coordination.k8s.io/v1/namespaces/coppice-system/leases"


@pytest.fixture
def leases(cluster: Cluster) -> Leases:
    return Leases(cluster.api, cluster.clock)


def held_by_nobody(leases: Leases, lock: str) -> AbstractContextManager[HeldLease | None]:
    """A lease that is given back only when what this returns is dropped."""
    taken = leases.hold(lock)
    assert taken.__enter__() is not None
    return taken


def names(cluster: Cluster) -> list[str]:
    return sorted(each["metadata"]["name"] for each in cluster.standing(LEASES)["items"])


def test_what_holders_left_that_died_is_cleared_away_and_what_is_held_is_not(
    leases: Leases, cluster: Cluster
) -> None:
    theirs = {"metadata": {"name": "theirs"}, "spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}}
    cluster.made(LEASES, theirs)
    died = held_by_nobody(leases, "branch/died")
    cluster.clock.go_on(74)
    with leases.hold("branch/lives"):
        assert leases.clear_away() == ()
        cluster.clock.go_on(1)
        assert leases.clear_away() == ("branch/died",)
        lives, foreign = names(cluster)
        assert (lives.startswith("branch-lives-"), foreign) == (True, "theirs")
    del died


def test_a_released_lease_stays_until_no_state_that_was_read_counts_any_more(
    leases: Leases, cluster: Cluster
) -> None:
    with leases.hold("branch/x", since=read(lambda: leases.state("branch/x"))):
        pass
    cluster.clock.go_on(90)
    assert leases.clear_away() == ()
    assert len(names(cluster)) == 1
    cluster.clock.go_on(2)
    assert leases.clear_away() == ()  # no run that died had it
    assert names(cluster) == []


def test_clearing_when_there_is_nothing_to_clear_is_one_call_that_reads(
    leases: Leases, cluster: Cluster
) -> None:
    with leases.hold("branch/lives"):
        before = len(cluster.emulator.requests)
        assert leases.clear_away() == ()
        assert [each.method for each in cluster.emulator.requests[before:]] == ["GET"]


def test_a_lease_that_is_taken_over_while_it_is_being_cleared_away_stays(
    leases: Leases, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    died = held_by_nobody(leases, "branch/x")
    cluster.clock.go_on(90)
    delete, successor = cluster.api.delete, leases.hold("branch/x")

    def taken_before(*arguments: Any, **preconditions: Any) -> None:
        assert successor.__enter__() is not None
        delete(*arguments, **preconditions)

    with monkeypatch.context() as patch:
        patch.setattr(cluster.api, "delete", taken_before)
        assert leases.clear_away() == ()
    assert len(names(cluster)) == 1
    successor.__exit__(None, None, None)
    assert names(cluster) == []
    del died


def test_a_lease_that_somebody_has_spoilt_is_left_to_the_run_that_needs_it(
    leases: Leases, cluster: Cluster
) -> None:
    unparseable = {"name": "spoilt", "labels": {"app.kubernetes.io/managed-by": "coppice"}}
    cluster.made(LEASES, {"metadata": unparseable, "spec": {"holderIdentity": "nobody"}})
    died = held_by_nobody(leases, "branch/died")
    cluster.clock.go_on(90)
    assert leases.clear_away() == ("branch/died",)
    assert names(cluster) == ["spoilt"]
    del died
