"""Locks as Leases: held by one, given back, taken over only when there is no doubt."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import tenacity

import coppice.reconciler.execution
from adapters.azure import client as arm
from adapters.kubernetes import transport
from adapters.kubernetes.leases import DURATION, FRESH, Leases
from coppice.reconciler.errors import Conflict, Failure, Forbidden, NotSetUp, Rejected, Unreachable
from coppice.reconciler.observation import Reading, Unknown, read
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.worlds import Cluster

LEASES = "/apis/coordination.k8s.io/v1/namespaces/coppice-system/leases"
LOCK = "branch/acme/todo-app/feature/x"


@pytest.fixture
def leases(cluster: Cluster) -> Leases:
    return Leases(cluster.api, cluster.clock)


def standing(cluster: Cluster) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = cluster.standing(LEASES)["items"]
    return items


def test_a_lock_is_held_and_given_back(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK) as lease:
        assert lease is not None
        (held,) = standing(cluster)
        assert held["metadata"]["annotations"]["coppice.dev/lock"] == LOCK
        assert held["metadata"]["name"].startswith("branch-acme-todo-app-feature-x-")
    assert standing(cluster) == []


def test_a_lock_that_another_run_holds_is_not_had(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK):
        with Leases(cluster.api, cluster.clock).hold(LOCK) as second:
            assert second is None
        assert len(standing(cluster)) == 1


def test_who_has_patience_gets_a_lock_that_is_given_back_meanwhile(
    leases: Leases, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = leases.hold(LOCK)
    holder.__enter__()

    def given_back(_: float) -> None:
        holder.__exit__(None, None, None)

    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=given_back))
    with Leases(cluster.api, cluster.clock).hold(LOCK, patience=10) as second:
        assert second is not None


def test_patience_ends(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK), Leases(cluster.api, cluster.clock).hold(LOCK, patience=2) as second:
        assert second is None


def test_locks_of_different_names_are_different_even_where_letters_are_replaced(leases: Leases) -> None:
    with leases.hold("a/b") as first, leases.hold("a-b") as second, leases.hold("a" * 300) as third:
        assert None not in (first, second, third)


def test_a_lock_is_given_back_after_an_error_too(leases: Leases, cluster: Cluster) -> None:
    with pytest.raises(ZeroDivisionError), leases.hold(LOCK):
        raise ZeroDivisionError
    assert standing(cluster) == []


def test_a_lock_is_given_back_though_the_first_answer_is_lost(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK):
        cluster.emulator.fail(Fail(status=503, method="DELETE", times=2))
    assert standing(cluster) == []


@pytest.mark.parametrize(
    ("seconds", "taken"), [(59, False), (61, False), (74, False), (75, True), (9999, True)]
)
def test_a_lock_is_taken_over_once_it_expired_for_every_clock(
    leases: Leases, cluster: Cluster, seconds: float, taken: bool
) -> None:
    with leases.hold(LOCK):
        cluster.clock.go_on(seconds)
        with Leases(cluster.api, cluster.clock).hold(LOCK) as second:
            assert (second is not None) is taken


def test_of_two_who_take_over_one_gets_it(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK):
        cluster.clock.go_on(120)
        cluster.emulator.fail(Fail(status=409, method="PUT"))
        with Leases(cluster.api, cluster.clock).hold(LOCK) as second:
            assert second is None


def test_a_lock_that_was_given_back_while_it_was_looked_at_is_not_had(
    leases: Leases, cluster: Cluster
) -> None:
    with leases.hold(LOCK):
        cluster.emulator.fail(Fail(status=404, method="GET"))
        with Leases(cluster.api, cluster.clock).hold(LOCK) as second:
            assert second is None


def test_renewing_makes_it_last(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK) as lease:
        assert lease is not None
        for _ in range(4):
            cluster.clock.go_on(40)
            lease.renew()
        with Leases(cluster.api, cluster.clock).hold(LOCK) as second:
            assert second is None
    assert standing(cluster) == []


def test_a_lock_that_is_fresh_is_not_renewed_each_time(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK) as lease:
        assert lease is not None
        for _ in range(5):
            cluster.clock.go_on(2)
            lease.renew()
    assert cluster.asked("PUT") == []


def test_a_write_that_was_sent_under_a_fresh_lease_is_answered_before_the_lease_runs_out() -> None:
    for timeouts in (transport._TIMEOUT, arm._TIMEOUTS.values()):
        assert DURATION * FRESH + timedelta(seconds=sum(timeouts)) < DURATION


def test_a_branch_is_still_held_when_an_identity_has_been_waited_for() -> None:
    assert DURATION * FRESH + timedelta(seconds=coppice.reconciler.execution._LOCK_PATIENCE) <= DURATION


def test_a_lease_is_fresh_from_when_it_was_asked_for_not_from_when_that_was_answered(
    leases: Leases, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = cluster.api.post

    def slow(*arguments: Any) -> Any:
        cluster.clock.go_on(20)
        return post(*arguments)

    monkeypatch.setattr(cluster.api, "post", slow)
    with leases.hold(LOCK) as lease:
        assert lease is not None
        lease.renew()
    assert len(cluster.asked("PUT")) == 1


def test_threads_that_share_a_lease_renew_it_once(leases: Leases, cluster: Cluster) -> None:
    together = threading.Barrier(6)
    with leases.hold(LOCK) as lease, ThreadPoolExecutor(max_workers=6) as pool:
        assert lease is not None
        cluster.clock.go_on(20)

        def renew(_: int) -> None:
            together.wait()
            lease.renew()

        list(pool.map(renew, range(6)))
    assert len(cluster.asked("PUT")) == 1


def test_whoever_could_not_renew_does_not_try_again_and_again(leases: Leases, cluster: Cluster) -> None:
    cluster.emulator.fail(Fail(status=500, method="PUT"))
    with leases.hold(LOCK) as lease:
        assert lease is not None
        cluster.clock.go_on(20)
        for _ in range(3):
            with pytest.raises(Unreachable):
                lease.renew()
    assert len(cluster.asked("PUT")) == 1


def test_who_lost_a_lock_is_told_when_renewing(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK) as lease:
        assert lease is not None
        cluster.clock.go_on(90)
        with Leases(cluster.api, cluster.clock).hold(LOCK) as second:
            assert second is not None
            with pytest.raises(Conflict):
                lease.renew()


def test_who_lost_a_lock_does_not_take_it_from_its_new_holder(leases: Leases, cluster: Cluster) -> None:
    other = Leases(cluster.api, cluster.clock).hold(LOCK)
    with leases.hold(LOCK):
        cluster.clock.go_on(90)
        assert other.__enter__() is not None
    assert len(standing(cluster)) == 1
    other.__exit__(None, None, None)
    assert standing(cluster) == []


def test_a_lock_that_somebody_deleted_is_lost(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK) as lease:
        assert lease is not None
        (held,) = standing(cluster)
        cluster.http.delete(f"{LEASES}/{held['metadata']['name']}").raise_for_status()
        cluster.clock.go_on(20)
        with pytest.raises(Conflict):
            lease.renew()
        assert standing(cluster) == []


@pytest.mark.parametrize("renewed", [None, "yesterday", 5])
def test_a_lock_that_somebody_has_spoilt_is_named(
    leases: Leases, cluster: Cluster, renewed: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unparseable(_: str) -> dict[str, Any]:
        (held,) = standing(cluster)
        return {**held, "spec": {**held["spec"], "renewTime": renewed}}

    with leases.hold(LOCK):
        monkeypatch.setattr(cluster.api, "get", unparseable)
        with pytest.raises(Rejected, match=r"Lease coppice-system/branch-acme.*delete it"):
            Leases(cluster.api, cluster.clock).hold(LOCK).__enter__()


def test_a_missing_system_namespace_is_told_with_the_command(leases: Leases, cluster: Cluster) -> None:
    cluster.http.delete("/api/v1/namespaces/coppice-system").raise_for_status()
    cluster.http.get("/api/v1/namespaces")  # the namespace goes
    with pytest.raises(NotSetUp, match="deploy/cluster/install"), leases.hold(LOCK):
        pass


@pytest.mark.parametrize(("status", "kind"), [(403, Forbidden), (500, Unreachable)])
def test_a_lock_that_cannot_be_asked_for_is_not_had_and_that_is_said(
    leases: Leases, cluster: Cluster, status: int, kind: type[Failure]
) -> None:
    cluster.emulator.fail(Fail(status=status))
    with pytest.raises(kind), leases.hold(LOCK):
        pass
    assert cluster.asked("POST") == [f"POST {LEASES}"]


def test_a_lock_that_cannot_be_given_back_expires_and_the_work_counts(
    leases: Leases, cluster: Cluster
) -> None:
    cluster.emulator.fail(Fail(status=500, method="DELETE", times=3))
    with leases.hold(LOCK):
        pass
    assert len(standing(cluster)) == 1


def held_once(cluster: Cluster) -> None:
    leases = Leases(cluster.api, cluster.clock)
    with leases.hold(LOCK, since=read(lambda: leases.state(LOCK))) as lease:
        assert lease is not None


def taken_since(leases: Leases, since: Reading[object]) -> bool | None:
    """Whether the lock is certain not to have been held since; None if it could not be taken."""
    with leases.hold(LOCK, since=since) as lease:
        return lease.undisturbed if lease else None


@pytest.mark.parametrize("before", [0, 1, 2])
def test_who_read_the_state_of_a_lock_learns_that_nobody_has_held_it_since(
    leases: Leases, cluster: Cluster, before: int
) -> None:
    for _ in range(before):
        held_once(cluster)
    assert taken_since(leases, read(lambda: leases.state(LOCK))) is True


@pytest.mark.parametrize("before", [0, 1])
def test_who_read_the_state_of_a_lock_learns_that_another_has_held_it_since(
    leases: Leases, cluster: Cluster, before: int
) -> None:
    for _ in range(before):
        held_once(cluster)
    since = read(lambda: leases.state(LOCK))
    held_once(cluster)
    assert taken_since(leases, since) is False


def test_a_released_lock_is_free_at_once_whatever_the_clocks_say(leases: Leases, cluster: Cluster) -> None:
    held_once(cluster)
    behind = Leases(cluster.api, lambda: cluster.clock() - timedelta(seconds=20))
    with behind.hold(LOCK, since=Unknown(Unreachable("reset"))) as lease:
        assert lease is not None
        assert not lease.undisturbed  # its state was not read


def test_a_lock_that_is_held_while_its_state_is_read_is_not_had(leases: Leases, cluster: Cluster) -> None:
    holder = leases.hold(LOCK, since=read(lambda: leases.state(LOCK)))
    with holder:
        since = read(lambda: leases.state(LOCK))
        assert taken_since(leases, since) is None
    assert taken_since(leases, since) is False


def test_after_a_holder_that_died_nothing_is_certain(leases: Leases, cluster: Cluster) -> None:
    died = leases.hold(LOCK, since=read(lambda: leases.state(LOCK)))
    assert died.__enter__() is not None
    since = read(lambda: leases.state(LOCK))
    cluster.clock.go_on(90)
    assert taken_since(leases, since) is False
    del died


def test_that_there_was_no_lease_is_not_believed_for_longer_than_a_lease_lasts(
    leases: Leases, cluster: Cluster
) -> None:
    since = read(lambda: leases.state(LOCK))
    cluster.clock.go_on(DURATION.total_seconds())
    assert taken_since(leases, since) is False


def test_a_lock_is_let_go_though_the_first_answer_is_lost(leases: Leases, cluster: Cluster) -> None:
    with leases.hold(LOCK, since=read(lambda: leases.state(LOCK))):
        cluster.emulator.fail(Fail(status=503, method="PUT", times=2))
    assert taken_since(leases, read(lambda: leases.state(LOCK))) is True
