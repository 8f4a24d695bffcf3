"""Locks as Leases in `coppice-system` (https://kubernetes.io/docs/concepts/architecture/leases/).

Functions run in processes that know nothing of each other, so a lock within one protects nothing. A lease
that is given back is deleted, so that none is left of a branch that is gone; one whose holder died is taken
over when it has expired, or cleared away by a sweep.

Who holds a lease asks before each change whether it is still fresh, and a call to the cluster or to Azure is
answered or given up well before a fresh lease runs out. So a holder that stood still for minutes finds out
before it writes. Only what is done on PostgreSQL may take longer than a lease (a template is copied for up to
five minutes), and a process may be stopped between asking and writing. So no lease is all that stands between
two holders: each write has a condition of its own, and a login counts only if no password was set beside it.
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
FRESH = 1 / 4  # of its duration: for so long a lease is not renewed again
SKEW = 1 / 4  # of its duration: so far the clocks of two machines may be apart
GROUP = "coordination.k8s.io/v1"
_LOCK = "coppice.dev/lock"
MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_RETRY = 15.0  # seconds


class HeldLease:
    """A lease that this run holds; the threads of a run share it."""

    def __init__(self, api: Api, document: Any, now: Callable[[], datetime], *, renewed: datetime) -> None:
        self._api = api
        self._document = document
        self._now = now
        self._renewed = renewed
        self._fresh_for = timedelta(seconds=document["spec"]["leaseDurationSeconds"]) * FRESH
        self._failure: Failure | None = None
        self._lock = threading.Lock()

    def renew(self) -> None:
        """Hold it for another full duration, unless it is fresh.

        Raises:
            Conflict: it was lost.
            Failure: the cluster did not say. Once it has failed it is not tried again: a run with many
                changes left ends at once.
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
        """Delete the lease; one that was lost is its new holder's.

        A lost answer would keep the lock for more than a minute from whoever comes next, so it is asked for
        again: the version goes along, and no lease that anybody takes meanwhile has it.
        """
        metadata = self._document["metadata"]
        delete = retry_reads(self._api.delete)
        with contextlib.suppress(Conflict):
            delete(lease_path(metadata["name"]), version=metadata["resourceVersion"])


class Leases:
    """Where locks are held.

    Args:
        api: the cluster.
        now: the clock.
    """

    def __init__(self, api: Api, now: Callable[[], datetime]) -> None:
        self._api = api
        self._now = now

    @contextlib.contextmanager
    def hold(self, name: str, *, patience: float = 0) -> Iterator[HeldLease | None]:
        """Hold a lock for as long as the context lasts; `None` if someone else holds it.

        Args:
            name: the lock.
            patience: for how many seconds to wait until it is given back.

        Raises:
            Failure: the cluster did not say.
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
            with contextlib.suppress(Failure):  # what cannot be given back expires
                lease.give_back()

    def clear_away(self) -> tuple[str, ...]:
        """Delete the leases of holders that died: one that nobody takes again would stay for ever.

        It costs a list, and a delete for each that has expired for every clock. The resource version goes
        along, so that one which is renewed or taken over at the same time stays.

        Returns:
            The locks that were freed.

        Raises:
            Failure: they could not be listed, or one could not be deleted.
        """
        freed = []
        for lease in self._api.items(lease_path(), selector=OURS):
            metadata = lease["metadata"]
            with contextlib.suppress(Conflict, Rejected):  # held again; or spoilt, which the next run tells
                if self._now() >= _free_from(lease):
                    self._api.delete(lease_path(metadata["name"]), version=metadata["resourceVersion"])
                    freed.append((metadata.get("annotations") or {}).get(_LOCK, ""))
        return tuple(lock for lock in freed if lock)  # the note of whose turn it is was nobody's lock

    def _take_if_free(self, name: str) -> HeldLease | None:
        """Look before trying: of those who wait, most wait in vain each time."""
        try:
            standing = self._api.get(lease_path(_lease_name(name)))
        except Gone:
            return self._take(name)
        return None if self._now() < _free_from(standing) else self._take(name)

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
            standing = self._api.get(lease_path(name))
            if now < _free_from(standing):
                return None
            taken = self._api.put(lease_path(name), {**standing, "spec": spec})
            return HeldLease(self._api, taken, self._now, renewed=now)
        except (Gone, Conflict):  # given back, or taken by someone else, a moment ago
            return None


def _free_from(lease: Any) -> datetime:
    """When a lease that is not renewed again has expired for every clock."""
    try:
        renewed = parse_time(lease["spec"]["renewTime"]).astimezone(UTC)
        return renewed + timedelta(seconds=lease["spec"]["leaseDurationSeconds"]) * (1 + SKEW)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        where = f"Lease {SYSTEM}/{lease['metadata']['name']}"
        raise Rejected(f"{where} does not say until when it is held ({error!r}): delete it") from error


def lease_path(name: str = "") -> str:
    """The path of a lease in `coppice-system`, or of all of them."""
    return path(GROUP, "leases", namespace=SYSTEM, name=name)


def _lease_name(lock: str) -> str:
    """A lock's name as a DNS name; the hash tells apart what replacing and cutting makes equal."""
    readable = re.sub(r"[^a-z0-9]+", "-", lock.lower()).strip("-")[:80].rstrip("-")
    return f"{readable}-{hashlib.sha256(lock.encode()).hexdigest()[:8]}"
