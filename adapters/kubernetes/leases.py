"""Locks as Leases in `coppice-system` (https://kubernetes.io/docs/concepts/architecture/leases/).

Functions run in processes that know nothing of each other, so a lock within one protects nothing. A lease
that is given back is deleted, so that none is left of a branch that is gone; one whose holder died is taken
over when it has expired.
"""

import contextlib
import hashlib
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.kubernetes.client import Api, path
from adapters.kubernetes.notes import SYSTEM, not_set_up
from branches.namespace import MANAGED_BY
from loop.errors import Conflict, Failure, Gone, Rejected

_GROUP = "coordination.k8s.io/v1"
_DURATION = timedelta(seconds=60)
_SKEW = timedelta(seconds=15)  # how far the clocks of two machines may be apart
_RENEW_AFTER = timedelta(seconds=15)
_MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class HeldLease:
    """A lease that this run holds."""

    def __init__(self, api: Api, document: Any, now: Callable[[], datetime]) -> None:
        self._api = api
        self._document = document
        self._now = now
        self._renewed = now()

    def renew(self) -> None:
        """Hold it for another full duration, if the last one has begun to run out.

        Raises:
            Conflict: it was lost.
        """
        now = self._now()
        if now - self._renewed < _RENEW_AFTER:
            return
        spec = {**self._document["spec"], "renewTime": now.strftime(_MICRO_TIME)}
        self._document = self._api.put(
            _path(self._document["metadata"]["name"]), {**self._document, "spec": spec}
        )
        self._renewed = now

    def give_back(self) -> None:
        """Delete the lease; one that was lost is its new holder's."""
        metadata = self._document["metadata"]
        with contextlib.suppress(Conflict):
            self._api.delete(_path(metadata["name"]), version=metadata["resourceVersion"])


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
    def hold(self, name: str) -> Iterator[HeldLease | None]:
        """Hold a lock for as long as the context lasts; `None` if someone else holds it.

        Args:
            name: the lock.

        Raises:
            Failure: the cluster did not say.
        """
        lease = self._take(name)
        if lease is None:
            yield None
            return
        try:
            yield lease
        finally:
            with contextlib.suppress(Failure):  # what cannot be given back expires
                lease.give_back()

    def _take(self, name: str) -> HeldLease | None:
        now = self._now()
        spec = {
            "holderIdentity": str(uuid.uuid4()),
            "leaseDurationSeconds": int(_DURATION.total_seconds()),
            "acquireTime": now.strftime(_MICRO_TIME),
            "renewTime": now.strftime(_MICRO_TIME),
        }
        lease = _lease_name(name)
        metadata = {
            "name": lease,
            "namespace": SYSTEM,
            "labels": {MANAGED_BY: "coppice"},
            "annotations": {"coppice.dev/lock": name},
        }
        document = {"apiVersion": _GROUP, "kind": "Lease", "metadata": metadata, "spec": spec}
        try:
            return HeldLease(self._api, self._api.post(_path(), document), self._now)
        except Conflict:
            return self._take_over(lease, spec, now)
        except Gone as error:
            raise not_set_up(error) from error

    def _take_over(self, name: str, spec: dict[str, Any], now: datetime) -> HeldLease | None:
        try:
            standing = self._api.get(_path(name))
            if now < _expiry(standing) + _SKEW:
                return None
            return HeldLease(self._api, self._api.put(_path(name), {**standing, "spec": spec}), self._now)
        except (Gone, Conflict):  # given back, or taken by someone else, a moment ago
            return None


def _expiry(lease: Any) -> datetime:
    try:
        renewed = datetime.fromisoformat(lease["spec"]["renewTime"]).astimezone(UTC)
        return renewed + timedelta(seconds=lease["spec"]["leaseDurationSeconds"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        where = f"Lease {SYSTEM}/{lease['metadata']['name']}"
        raise Rejected(f"{where} does not say until when it is held ({error!r}): delete it") from error


def _path(name: str = "") -> str:
    return path(_GROUP, "leases", namespace=SYSTEM, name=name)


def _lease_name(lock: str) -> str:
    """A lock's name as a DNS name; the hash tells apart what replacing and cutting makes equal."""
    readable = re.sub(r"[^a-z0-9]+", "-", lock.lower()).strip("-")[:80].rstrip("-")
    return f"{readable}-{hashlib.sha256(lock.encode()).hexdigest()[:8]}"
