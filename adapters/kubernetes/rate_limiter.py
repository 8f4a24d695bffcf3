"""Gives each write to Azure a time slot while Azure throttles, across all workers.

Azure accepts about one write in four seconds for an identity, and two a second in all. `Retry-After` is in
whole seconds, and every client gets the same: clients that follow it alone come back together, and leave time
unused. So from the first throttled write on, each write reserves a slot of its own before it is sent.

The slots are in a Lease in `coppice-system`. A sweep deletes it once its last slot is over. Correctness does
not depend on it: a write outside its slot is throttled, and retried.
"""

import contextlib
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.configmap_store import SYSTEM
from adapters.kubernetes.leases import GROUP, MICRO_TIME, lease_path
from adapters.retry import pause, retry_conflicts
from coppice.components.namespace import MANAGED_BY
from coppice.reconciler.errors import Gone, Throttled
from coppice.reconciler.times import parse_time

# A little more than Azure asks for, since requests do not all take the same time.
PER_IDENTITY = timedelta(seconds=4.1)
BETWEEN_WRITES = timedelta(seconds=0.54)
LONGEST_WAIT = timedelta(seconds=10)  # a slot that is further away is not waited for
ACTIVE_FOR = timedelta(minutes=1)  # after a write had to wait, all writes reserve slots for this long
_NAME = "azure-writes"
_SLOTS = "coppice.dev/turns"


@dataclass(frozen=True, order=True)
class Slot:
    """A time at which one identity is written to.

    Args:
        at: the time.
        identity: the identity.
    """

    at: datetime
    identity: str


def next_slot(taken: Collection[Slot], identity: str, now: datetime) -> Slot:
    """Find the first free slot.

    Args:
        taken: the slots that are reserved.
        identity: the identity to write to.
        now: the time.

    Returns:
        A slot far enough from every reserved one.
    """
    at = max([now, *(each.at + PER_IDENTITY for each in taken if each.identity == identity)])
    for other in sorted(taken):
        if abs(at - other.at) < BETWEEN_WRITES:
            at = other.at + BETWEEN_WRITES
    return Slot(at, identity)


class RateLimiter:
    """Reserves slots, once a write has been throttled.

    Args:
        api: the cluster.
        now: the clock.
    """

    def __init__(self, api: Api, now: Callable[[], datetime]) -> None:
        self._api = api
        self._now = now
        self._active_until = datetime.min.replace(tzinfo=UTC)

    @contextlib.contextmanager
    def of(self, identity: str) -> Iterator[None]:
        """Wait for a slot if need be, and make one write inside the context.

        Args:
            identity: the identity to write to.

        Raises:
            Throttled: the next free slot is too far away, or the write was throttled.
            Failure: the slots could not be read or written.
        """
        if self._now() < self._active_until:
            pause(self._take(identity))
        try:
            yield
        except Throttled:
            self._activate()
            raise

    def _activate(self) -> None:
        self._active_until = self._now() + ACTIVE_FOR

    @retry_conflicts
    def _take(self, identity: str) -> float:
        """Reserve a slot; return the seconds until then."""
        now, existing = self._now(), self._read()
        taken = [
            each
            for each in _slots(existing)
            if now - PER_IDENTITY < each.at < now + LONGEST_WAIT + PER_IDENTITY
        ]
        slot = next_slot(taken, identity, now)
        wait = (slot.at - now).total_seconds()
        if slot.at > now + LONGEST_WAIT:
            raise Throttled(
                f"Azure takes few writes to an identity: the next turn of {identity} is in {wait:.0f} s",
                retry_after=wait,
            )
        if wait:
            self._activate()
        self._write(existing, [*taken, slot])
        return wait

    def _read(self) -> Any:
        try:
            return self._api.get(lease_path(_NAME))
        except Gone:
            return None

    def _write(self, existing: Any, taken: list[Slot]) -> None:
        document = _lease(taken)
        if existing is None:
            self._api.post(lease_path(), document)
            return
        metadata = {**document["metadata"], "resourceVersion": existing["metadata"]["resourceVersion"]}
        self._api.put(lease_path(_NAME), {**document, "metadata": metadata})


def _lease(taken: list[Slot]) -> dict[str, Any]:
    """A lease that holds the slots and expires after the last of them."""
    slots = [[each.at.isoformat(), each.identity] for each in sorted(taken)]
    return {
        "apiVersion": GROUP,
        "kind": "Lease",
        "metadata": {
            "name": _NAME,
            "namespace": SYSTEM,
            "labels": {MANAGED_BY: "coppice"},
            "annotations": {_SLOTS: json.dumps(slots)},
        },
        "spec": {
            "holderIdentity": "",
            "leaseDurationSeconds": int(PER_IDENTITY.total_seconds()),
            "renewTime": max(taken).at.astimezone(UTC).strftime(MICRO_TIME),
        },
    }


def _slots(lease: Any) -> list[Slot]:
    """The slots in a lease; none if it cannot be parsed, for it is written anew each time."""
    slots = ((lease or {}).get("metadata", {}).get("annotations") or {}).get(_SLOTS, "")
    try:
        return [Slot(parse_time(at).astimezone(UTC), str(of)) for at, of in json.loads(slots)]
    except (TypeError, ValueError, OverflowError, RecursionError):
        return []
