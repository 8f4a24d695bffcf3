"""A sweep over HTTP: what it found, and what it did about it."""

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from app.http.responses import Response
from coppice.environment.key import Key
from coppice.lifecycle.drift import Difference, Drift
from coppice.reconciler.correlation import logger

_log = logger("coppice.sweep")


def confirmation(body: bytes) -> str:
    """The digest that a request confirms.

    Args:
        body: the request's body; empty confirms nothing.

    Returns:
        The digest; empty if none is confirmed.

    Raises:
        ValueError: the body is not what a sweep understands.
    """
    if not body.strip():
        return ""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError('expected no body, or {"confirm": "<digest>"} as JSON') from error
    digest = document.get("confirm") if isinstance(document, dict) else None
    if not isinstance(digest, str) or not digest:
        raise ValueError('expected {"confirm": "<digest>"} with the digest that ?dry_run=true answers')
    return digest


def sweep_response(found: Drift, orphans: tuple[str, ...], *, queued: int, dry_run: bool) -> Response:
    """What a sweep found.

    Args:
        found: what differs.
        orphans: what bears our marks and is not touched.
        queued: how many keys went onto the queue.
        dry_run: whether that was only to be looked at.
    """
    return Response(
        200 if dry_run else 202, {"dry_run": dry_run, "queued": queued, **summary(found, orphans)}
    )


def summary(found: Drift, orphans: tuple[str, ...]) -> Mapping[str, object]:
    """The findings as JSON, for the answer and for the log."""
    return {
        "make": [_difference(each) for each in found.make],
        "remove": [_difference(each) for each in found.remove],
        "stopped": found.stopped,
        "unread": list(found.unread),
        "orphans": list(orphans),
        "digest": found.digest,
    }


def _difference(each: Difference) -> dict[str, object]:
    return {"branch": each.key.branch, "why": each.why, "mends": each.mends, "changes": list(each.changes)}


class Queue(Protocol):
    """Where keys are queued."""

    def enqueue(self, keys: Iterable[Key]) -> None:
        """Put keys on the queue, stamped with what led to it."""


class Leases(Protocol):
    """Where leases are held."""

    def clear_away(self) -> tuple[str, ...]:
        """Delete those of runs that died; which these were."""


def execute_sweep(found: Drift, orphans: tuple[str, ...], *, queue: Queue, locks: Leases) -> None:
    """Do what a sweep does: log what it found, queue the keys, and clear the leases of dead runs away.

    Args:
        found: what differs.
        orphans: what bears our marks and is not touched.
        queue: where the keys go.
        locks: where the leases are.

    Raises:
        Failure: something could not be done; the next sweep finds it again.
    """
    report_sweep(found, orphans)
    queue.enqueue(found.keys)
    report_freed(locks.clear_away())


def report_sweep(found: Drift, orphans: tuple[str, ...]) -> None:
    """Write what a sweep found into the log: as a warning if it found anything, for silent mending hides a
    broken fast path.

    Args:
        found: what differs.
        orphans: what bears our marks and is not touched.
    """
    mended = any(each.mends for each in (*found.make, *found.remove))
    level = logging.WARNING if mended or found.stopped or found.unread or orphans else logging.INFO
    _log.document(level, "sweep", summary(found, orphans))


def report_freed(locks: tuple[str, ...]) -> None:
    """Write into the log which runs have died: their locks had run out, and were cleared away.

    Args:
        locks: the locks.
    """
    if locks:
        _log.document(logging.WARNING, "runs that died", {"locks": list(locks)})
