"""What a run of a branch tells afterwards: its report, and the message that brings a waiting key back."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from coppice.components.namespace import ROLLING_OUT, Annotate
from coppice.environment.key import Key
from coppice.lifecycle.observe_branch import Observed
from coppice.lifecycle.receipt import receipt_of
from coppice.reconciler.controller import ChangeResult, RunResult
from coppice.reconciler.observation import present
from coppice.reconciler.report import Report
from coppice.reconciler.requeue import requeue_after

Look = TypeVar("Look")


def build_report(key: Key, ran: RunResult[Look], observed: Observed, *, gone: bool, seconds: float) -> Report:
    """Put a run into a report.

    Args:
        key: the branch.
        ran: what the run did.
        observed: what it saw last.
        gone: whether it took the environment away.
        seconds: how long it took.

    Returns:
        The report, not yet logged.
    """
    namespace = present(observed.namespace)
    applied = namespace.applied if namespace is not None and namespace.owner == key else None
    facts: dict[str, object] = {
        "namespace": observed.name.namespace,
        "revision": applied.revision if applied else "",
        "result": applied.result if applied else "",
        "url": applied.url if applied else "",
    }
    receipt = receipt_of(ran.results, observed.recorded.record) if gone else {}
    return Report(
        key=key_fields(key),
        outcome=ran.outcome,
        seconds=seconds,
        results=ran.results,
        facts={**facts, **({"receipt": receipt} if receipt else {})},
        remarks=ran.remarks if _applied(ran.results) else (),
    )


def _applied(results: Iterable[ChangeResult]) -> bool:
    """Whether the run has applied the overlay whole. A run that waits for something before that plans the
    same again the next time, and would remark the same.
    """
    made = (result.change for result in results if result.error is None)
    return any(isinstance(each, Annotate) and each.applied.result == ROLLING_OUT for each in made)


def key_fields(key: Key) -> Mapping[str, str]:
    """A key, as reports show it."""
    return {"repository": key.repository, "branch": key.branch}


def requeue_message(
    report: Report, key: Key, *, first_seen: datetime | None, now: datetime
) -> tuple[str, float] | None:
    """The message that brings a waiting key back.

    Args:
        report: how the run ended.
        key: the branch.
        first_seen: since when the key has been waiting; `None` if it has only begun to.
        now: the time.

    Returns:
        The message and its delay in seconds; `None` if it has not to come back.
    """
    later = requeue_after(report.outcome, first_seen=first_seen, now=now)
    if later is None:
        return None
    since, delay = later
    return key.to_message(first_seen=since), delay
