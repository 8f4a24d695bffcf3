"""Locks as Leases in `coppice-system` (https://kubernetes.io/docs/concepts/architecture/leases/).

Functions run in several processes, so a lock inside one process protects nothing. If its holder died, a lease
expires; then another run takes it over, or a sweep deletes it.

A run that has read the state of a lock (`Leases.state`) learns when it takes it whether anybody has held it
since. For this a released lease stays, without a holder, as client-go releases one
(https://pkg.go.dev/k8s.io/client-go/tools/leaderelection): its resource version tells. A sweep deletes it
once no state of the lock that was read before counts any more. All other leases are deleted as they are
released.

The holder checks its lease before each change and renews it when it is no longer fresh. A call to the cluster
or to Azure times out well before a fresh lease expires. So a process that was stopped for minutes finds out
before it writes.

A lease alone does not keep two holders apart: a statement on PostgreSQL may take longer than a lease (copying
a template takes up to five minutes), and a process may be stopped between the check and the write. Therefore
each write has a condition of its own, and a login counts only if no other password was set beside it.
"""

import contextlib
import hashlib
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.configmap_store import OURS, SYSTEM, not_set_up
from adapters.kubernetes.paths import path
from adapters.retry import poll_until, retry_reads
from coppice.components.namespace import MANAGED_BY
from coppice.reconciler.errors import Conflict, Failure, Gone, Rejected
from coppice.reconciler.observation import Reading, present
from coppice.reconciler.times import parse_time

DURATION = timedelta(seconds=60)
FRESH = 1 / 4  # of the duration: before that, a lease is not renewed again
SKEW = 1 / 4  # of the duration: how far the clocks of two machines may be apart
KEPT = DURATION * (1 + 2 * SKEW)  # how long a released lease stays: a state that was read counts for DURATION
GROUP = "coordination.k8s.io/v1"
_LOCK = "coppice.dev/lock"
MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_RETRY = 15.0  # seconds


@dataclass(frozen=True)
class LockState:
    """The state of a lock.

    Args:
        at: when it was read.
        lease: the lease; `None` if there was none.
    """

    at: datetime
    lease: Any = None


class HeldLease:
    """A lease that this run holds. The threads of the run share it.

    Args:
        api: the cluster.
        document: the Lease as it was written.
        now: the clock.
        renewed: when it was written.
        undisturbed: whether it is certain that nobody has held the lock since its state was read.
    """

    def __init__(
        self,
        api: Api,
        document: Any,
        now: Callable[[], datetime],
        *,
        renewed: datetime,
        undisturbed: bool = False,
    ) -> None:
        self.undisturbed = undisturbed
        self._api = api
        self._document = document
        self._now = now
        self._renewed = renewed
        self._fresh_for = timedelta(seconds=document["spec"]["leaseDurationSeconds"]) * FRESH
        self._failure: Failure | None = None
        self._lock = threading.Lock()

    def renew(self) -> None:
        """Renew the lease, unless it is fresh.

        Raises:
            Conflict: another run took it over.
            Failure: it could not be renewed. After a failure no renewal is tried again, so that a run with
                many changes left ends at once.
        """
        with self._lock:
            if self._failure is None and self._now() - self._renewed >= self._fresh_for:
                try:
                    self._put(self._now())
                except Conflict as error:
                    self._failure = Conflict(f"another run took over: {error}", retry_after=_RETRY)
                except Failure as error:
                    self._failure = error
            if self._failure is not None:
                raise self._failure

    def _put(self, now: datetime, **spec: Any) -> None:
        spec = {**self._document["spec"], "renewTime": now.strftime(MICRO_TIME), **spec}
        place = lease_path(self._document["metadata"]["name"])
        self._document = self._api.put(place, {**self._document, "spec": spec})
        self._renewed = now

    def give_back(self) -> None:
        """Release the lock by deleting the lease, unless another run took it over.

        The delete is retried if no answer came: otherwise the lock would stay taken for more than a minute.
        It names the resource version, so it never deletes a lease that another run has taken since.

        Raises:
            Failure: the server refused, or did not answer.
        """
        metadata = self._document["metadata"]
        delete = retry_reads(self._api.delete)
        with contextlib.suppress(Conflict):
            delete(lease_path(metadata["name"]), version=metadata["resourceVersion"])

    def let_go(self) -> None:
        """Release the lock and leave the lease, unless another run took it over.

        The write is retried if no answer came. It names the resource version, as `give_back` does.

        Raises:
            Failure: the server refused, or did not answer.
        """
        put = retry_reads(self._put)
        with contextlib.suppress(Conflict):
            put(self._now(), holderIdentity="", leaseDurationSeconds=1)


class Leases:
    """Locks by name.

    Args:
        api: the cluster.
        now: the clock.
    """

    def __init__(self, api: Api, now: Callable[[], datetime]) -> None:
        self._api = api
        self._now = now

    def state(self, name: str) -> LockState:
        """Read the state of a lock; one call.

        Args:
            name: the lock.

        Returns:
            The state, for `hold`.

        Raises:
            Failure: the server refused, or did not answer.
        """
        at = self._now()
        try:
            return LockState(at, self._api.get(lease_path(_lease_name(name))))
        except Gone:
            return LockState(at)

    @contextlib.contextmanager
    def hold(
        self, name: str, *, patience: float = 0, since: Reading[object] | None = None
    ) -> Iterator[HeldLease | None]:
        """Hold a lock while the context lasts.

        Args:
            name: the lock.
            patience: for how many seconds to wait for a lock that another run holds.
            since: the reading of `state`, with which the lease says whether anybody has held the lock since.
                A lock that some run takes with such a reading has to be taken with one by all.

        Yields:
            The lease; `None` if another run holds the lock.

        Raises:
            Failure: the server refused, or did not answer.
        """
        lease = self._take(name) if since is None else self._take_since(name, since)
        if lease is None and patience:
            lease = poll_until(partial(self._take_if_free, name), seconds=patience)
        if lease is None:
            yield None
            return
        try:
            yield lease
        finally:
            with contextlib.suppress(Failure):  # a lease that cannot be released expires
                lease.give_back() if since is None else lease.let_go()

    def clear_away(self) -> tuple[str, ...]:
        """Delete expired leases, and released ones that nobody has taken since: they would stay for ever.

        It takes one list, and a delete for each such lease. The delete names the resource version, so a
        lease that is renewed or taken over at the same time stays.

        Returns:
            The locks of the expired leases.

        Raises:
            Failure: the leases could not be listed, or one could not be deleted.
        """
        freed = []
        for lease in self._api.items(lease_path(), selector=OURS):
            metadata = lease["metadata"]
            with contextlib.suppress(
                Conflict, Rejected
            ):  # held again; or unparseable, which the next run reports
                released = _released(lease)
                if self._now() >= _free_from(lease) + (KEPT if released else timedelta()):
                    self._api.delete(lease_path(metadata["name"]), version=metadata["resourceVersion"])
                    freed += [] if released else [(metadata.get("annotations") or {}).get(_LOCK, "")]
        return tuple(lock for lock in freed if lock)  # the rate limiter's lease is no lock

    def _take_if_free(self, name: str) -> HeldLease | None:
        """Take the lock if a read shows it free: most attempts of those who wait would fail."""
        try:
            existing = self._api.get(lease_path(_lease_name(name)))
        except Gone:
            return self._take(name)
        return None if _held(existing, self._now()) else self._take(name)

    def _take_since(self, name: str, since: Reading[object]) -> HeldLease | None:
        """Take the lock by a write that succeeds only if the lease is as it was read."""
        now, state = self._now(), present(since)
        if not isinstance(state, LockState):
            return self._take(name)
        if state.lease is None:
            # If a run had taken the lock in between, its lease would still be there: a released one stays,
            # and that of a run that died is not deleted before it has expired.
            return self._take(name, undisturbed=now - state.at < DURATION)
        if not _released(state.lease):
            return self._take(name)
        try:
            taken = self._api.put(lease_path(_lease_name(name)), {**state.lease, "spec": _spec(now)})
        except (Conflict, Gone):
            return self._take(name)
        return HeldLease(self._api, taken, self._now, renewed=now, undisturbed=True)

    def _take(self, name: str, *, undisturbed: bool = False) -> HeldLease | None:
        now = self._now()
        spec, lease = _spec(now), _lease_name(name)
        metadata = {
            "name": lease,
            "namespace": SYSTEM,
            "labels": {MANAGED_BY: "coppice"},
            "annotations": {_LOCK: name},
        }
        document = {"apiVersion": GROUP, "kind": "Lease", "metadata": metadata, "spec": spec}
        try:
            made = self._api.post(lease_path(), document)
            return HeldLease(self._api, made, self._now, renewed=now, undisturbed=undisturbed)
        except Conflict:
            return self._take_over(lease, spec, now)
        except Gone as error:
            raise not_set_up(error) from error

    def _take_over(self, name: str, spec: dict[str, Any], now: datetime) -> HeldLease | None:
        try:
            existing = self._api.get(lease_path(name))
            if _held(existing, now):
                return None
            taken = self._api.put(lease_path(name), {**existing, "spec": spec})
            return HeldLease(self._api, taken, self._now, renewed=now)
        except (Gone, Conflict):  # released or taken by another run in between
            return None


def _spec(now: datetime) -> dict[str, Any]:
    """The spec of a lease that this run takes."""
    return {
        "holderIdentity": str(uuid.uuid4()),
        "leaseDurationSeconds": int(DURATION.total_seconds()),
        "acquireTime": now.strftime(MICRO_TIME),
        "renewTime": now.strftime(MICRO_TIME),
    }


def _released(lease: Any) -> bool:
    """Whether a lock's lease has no holder. The rate limiter's lease, which is no lock's, never has one."""
    annotations = lease["metadata"].get("annotations") or {}
    return not (lease.get("spec") or {}).get("holderIdentity") and _LOCK in annotations


def _held(lease: Any, now: datetime) -> bool:
    """Whether another run may still hold a lease."""
    return not _released(lease) and now < _free_from(lease)


def _free_from(lease: Any) -> datetime:
    """When a lease expires by every clock, if it is not renewed."""
    try:
        renewed = parse_time(lease["spec"]["renewTime"]).astimezone(UTC)
        return renewed + timedelta(seconds=lease["spec"]["leaseDurationSeconds"]) * (1 + SKEW)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        where = f"Lease {SYSTEM}/{lease['metadata']['name']}"
        raise Rejected(f"{where} does not say until when it is held ({error!r}): delete it") from error


def lease_path(name: str = "") -> str:
    """Build the path of a lease in `coppice-system`.

    Args:
        name: its name; empty for all of them.

    Returns:
        The path.
    """
    return path(GROUP, "leases", namespace=SYSTEM, name=name)


def _lease_name(lock: str) -> str:
    """The name of a lock's lease. The hash keeps names apart that are equal once they are shortened."""
    readable = re.sub(r"[^a-z0-9]+", "-", lock.lower()).strip("-")[:80].rstrip("-")
    return f"{readable}-{hashlib.sha256(lock.encode()).hexdigest()[:8]}"
