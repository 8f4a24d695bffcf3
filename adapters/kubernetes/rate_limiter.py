"""Whose turn it is to write to Azure, as all workers note it for each other.

Azure lets about one write in four seconds through to an identity, and two a second in all. `Retry-After` is
in whole seconds, and everybody is told the same: who goes by it alone leaves turns unused, and comes back
together with others. So as long as Azure refuses, each write is given a time of its own before it is sent.

The note is a Lease in `coppice-system`, which a sweep clears away once its last turn is over. Nobody's safety
rests on it: a write out of turn is refused, and comes again.
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

# A little more than Azure asks for: a request takes now longer and now less.
PER_IDENTITY = timedelta(seconds=4.1)
BETWEEN_WRITES = timedelta(seconds=0.54)
LONGEST_WAIT = timedelta(seconds=10)  # a turn that comes later is not waited for
ACTIVE_FOR = timedelta(minutes=1)  # for so long after somebody had to wait, all writes are given turns
_NAME = "azure-writes"
_SLOTS = "coppice.dev/turns"


@dataclass(frozen=True, order=True)
class Slot:
    """When somebody writes to which identity."""

    at: datetime
    identity: str


def next_slot(taken: Collection[Slot], identity: str, now: datetime) -> Slot:
    """The first turn that is free.

    Args:
        taken: the turns that were given.
        identity: what is to be written to.
        now: the time.

    Returns:
        A turn that has its distance to every one that is taken.
    """
    at = max([now, *(each.at + PER_IDENTITY for each in taken if each.identity == identity)])
    for other in sorted(taken):
        if abs(at - other.at) < BETWEEN_WRITES:
            at = other.at + BETWEEN_WRITES
    return Slot(at, identity)


class RateLimiter:
    """Gives turns, once a write has been refused for having come too fast.

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
        """Make one write to an identity when it is its turn.

        Args:
            identity: what is written to.

        Raises:
            Throttled: its turn is far away.
            Failure: the cluster did not say.
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
        """Note a turn, and tell in how many seconds it is."""
        now, standing = self._now(), self._read()
        taken = [
            each
            for each in _slots(standing)
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
        self._write(standing, [*taken, slot])
        return wait

    def _read(self) -> Any:
        try:
            return self._api.get(lease_path(_NAME))
        except Gone:
            return None

    def _write(self, standing: Any, taken: list[Slot]) -> None:
        document = _lease(taken)
        if standing is None:
            self._api.post(lease_path(), document)
            return
        metadata = {**document["metadata"], "resourceVersion": standing["metadata"]["resourceVersion"]}
        self._api.put(lease_path(_NAME), {**document, "metadata": metadata})


def _lease(taken: list[Slot]) -> dict[str, Any]:
    """The turns as a lease that runs out after the last of them."""
    noted = [[each.at.isoformat(), each.identity] for each in sorted(taken)]
    return {
        "apiVersion": GROUP,
        "kind": "Lease",
        "metadata": {
            "name": _NAME,
            "namespace": SYSTEM,
            "labels": {MANAGED_BY: "coppice"},
            "annotations": {_SLOTS: json.dumps(noted)},
        },
        "spec": {
            "holderIdentity": "",
            "leaseDurationSeconds": int(PER_IDENTITY.total_seconds()),
            "renewTime": max(taken).at.astimezone(UTC).strftime(MICRO_TIME),
        },
    }


def _slots(lease: Any) -> list[Slot]:
    """The turns that are noted; none if somebody has spoilt the note, for it is made anew each time."""
    noted = ((lease or {}).get("metadata", {}).get("annotations") or {}).get(_SLOTS, "")
    try:
        return [Slot(parse_time(at).astimezone(UTC), str(of)) for at, of in json.loads(noted)]
    except (TypeError, ValueError, OverflowError, RecursionError):
        return []
