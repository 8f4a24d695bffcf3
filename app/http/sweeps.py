"""Executes a sweep's findings, and builds the JSON of them for the response and the log."""

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
    """Return the digest that a request confirms.

    Args:
        body: the request's body; an empty body confirms nothing.

    Returns:
        The digest; empty if the request confirms nothing.

    Raises:
        ValueError: the body is not the JSON of a confirmation.
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
    """Describe what a sweep found.

    Args:
        found: the drift.
        orphans: resources with Coppice's marks that no run would change.
        queued: how many keys were queued.
        dry_run: whether this was a dry run.

    Returns:
        200 for a dry run, else 202.
    """
    return Response(
        200 if dry_run else 202, {"dry_run": dry_run, "queued": queued, **summary(found, orphans)}
    )


def summary(found: Drift, orphans: tuple[str, ...]) -> Mapping[str, object]:
    """Return the findings as JSON, for the response and the log.

    Args:
        found: the drift.
        orphans: resources with Coppice's marks that no run would change.

    Returns:
        The JSON object.
    """
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
    """The queue of branches' keys."""

    def enqueue(self, keys: Iterable[Key]) -> None:
        """Queue keys, each with the current correlation ID."""


class Leases(Protocol):
    """The leases of runs."""

    def clear_away(self) -> tuple[str, ...]:
        """Delete the expired leases of runs that died, and return their locks."""


def execute_sweep(found: Drift, orphans: tuple[str, ...], *, queue: Queue, locks: Leases) -> None:
    """Log what a sweep found, queue the keys, and delete the leases of runs that died.

    Args:
        found: the drift.
        orphans: resources with Coppice's marks that no run would change.
        queue: the queue of branches' keys.
        locks: the leases of runs.

    Raises:
        Failure: a step failed; the next sweep finds the same again.
    """
    report_sweep(found, orphans)
    queue.enqueue(found.keys)
    report_freed(locks.clear_away())


def report_sweep(found: Drift, orphans: tuple[str, ...]) -> None:
    """Log what a sweep found.

    The line is a warning if the sweep found something lost or missed, stopped the removals, could not read
    something, or found orphans. A sweep that repairs silently would hide that webhooks do not work.

    Args:
        found: the drift.
        orphans: resources with Coppice's marks that no run would change.
    """
    mended = any(each.mends for each in (*found.make, *found.remove))
    level = logging.WARNING if mended or found.stopped or found.unread or orphans else logging.INFO
    _log.document(level, "sweep", summary(found, orphans))


def report_freed(locks: tuple[str, ...]) -> None:
    """Log which runs have died. Their leases had expired and were deleted.

    Args:
        locks: the locks that the deleted leases held.
    """
    if locks:
        _log.document(logging.WARNING, "runs that died", {"locks": list(locks)})
