"""Locks as Leases in `coppice-system` (https://kubernetes.io/docs/concepts/architecture/leases/).

Functions run in several processes, so a lock inside one process protects nothing. A released lease is
deleted, so that a branch that is gone leaves none behind. If its holder died, a lease expires; then another
run takes it over, or a sweep deletes it.

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
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.configmap_store import OURS, SYSTEM, not_set_up
from adapters.kubernetes.paths import path
from adapters.retry import poll_until, retry_reads
from coppice.components.namespace import MANAGED_BY
from coppice.reconciler.errors import Conflict, Failure, Gone, Rejected
from coppice.reconciler.times import parse_time

DURATION = timedelta(seconds=60)
FRESH = 1 / 4  # of the duration: before that, a lease is not renewed again
SKEW = 1 / 4  # of the duration: how far the clocks of two machines may be apart
GROUP = "coordination.k8s.io/v1"
_LOCK = "coppice.dev/lock"
MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_RETRY = 15.0  # seconds


class HeldLease:
    """A lease that this run holds. The threads of the run share it.

    Args:
        api: the cluster.
        document: the Lease as it was written.
        now: the clock.
        renewed: when it was written.
    """

    def __init__(self, api: Api, document: Any, now: Callable[[], datetime], *, renewed: datetime) -> None:
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

    def _put(self, now: datetime) -> None:
        spec = {**self._document["spec"], "renewTime": now.strftime(MICRO_TIME)}
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


class Leases:
    """Locks by name.

    Args:
        api: the cluster.
        now: the clock.
    """

    def __init__(self, api: Api, now: Callable[[], datetime]) -> None:
        self._api = api
        self._now = now

    @contextlib.contextmanager
    def hold(self, name: str, *, patience: float = 0) -> Iterator[HeldLease | None]:
        """Hold a lock while the context lasts.

        Args:
            name: the lock.
            patience: for how many seconds to wait for a lock that another run holds.

        Yields:
            The lease; `None` if another run holds the lock.

        Raises:
            Failure: the server refused, or did not answer.
        """
        lease = self._take(name)
        if lease is None and patience:
            lease = poll_until(partial(self._take_if_free, name), seconds=patience)
        if lease is None:
            yield None
            return
        try:
            yield lease
        finally:
            with contextlib.suppress(Failure):  # a lease that cannot be deleted expires
                lease.give_back()

    def clear_away(self) -> tuple[str, ...]:
        """Delete expired leases: if nobody takes such a lock again, its lease would stay for ever.

        It takes one list, and a delete for each expired lease. The delete names the resource version, so a
        lease that is renewed or taken over at the same time stays.

        Returns:
            The locks that were released.

        Raises:
            Failure: the leases could not be listed, or one could not be deleted.
        """
        freed = []
        for lease in self._api.items(lease_path(), selector=OURS):
            metadata = lease["metadata"]
            with contextlib.suppress(
                Conflict, Rejected
            ):  # held again; or unparseable, which the next run reports
                if self._now() >= _free_from(lease):
                    self._api.delete(lease_path(metadata["name"]), version=metadata["resourceVersion"])
                    freed.append((metadata.get("annotations") or {}).get(_LOCK, ""))
        return tuple(lock for lock in freed if lock)  # the rate limiter's lease is no lock

    def _take_if_free(self, name: str) -> HeldLease | None:
        """Take the lock if a read shows it free: most attempts of those who wait would fail."""
        try:
            existing = self._api.get(lease_path(_lease_name(name)))
        except Gone:
            return self._take(name)
        return None if self._now() < _free_from(existing) else self._take(name)

    def _take(self, name: str) -> HeldLease | None:
        now = self._now()
        spec = {
            "holderIdentity": str(uuid.uuid4()),
            "leaseDurationSeconds": int(DURATION.total_seconds()),
            "acquireTime": now.strftime(MICRO_TIME),
            "renewTime": now.strftime(MICRO_TIME),
        }
        lease = _lease_name(name)
        metadata = {
            "name": lease,
            "namespace": SYSTEM,
            "labels": {MANAGED_BY: "coppice"},
            "annotations": {_LOCK: name},
        }
        document = {"apiVersion": GROUP, "kind": "Lease", "metadata": metadata, "spec": spec}
        try:
            return HeldLease(self._api, self._api.post(lease_path(), document), self._now, renewed=now)
        except Conflict:
            return self._take_over(lease, spec, now)
        except Gone as error:
            raise not_set_up(error) from error

    def _take_over(self, name: str, spec: dict[str, Any], now: datetime) -> HeldLease | None:
        try:
            existing = self._api.get(lease_path(name))
            if now < _free_from(existing):
                return None
            taken = self._api.put(lease_path(name), {**existing, "spec": spec})
            return HeldLease(self._api, taken, self._now, renewed=now)
        except (Gone, Conflict):  # released or taken by another run in between
            return None


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
