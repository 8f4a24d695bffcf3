"""What a run of a branch tells afterwards."""

from collections.abc import Iterable
from typing import TypeVar

from coppice.components.namespace import ROLLING_OUT, Annotate
from coppice.components.observed import Observed
from coppice.environment.key import Key
from coppice.lifecycle.receipt import receipt_of
from coppice.reconciler.controller import ChangeResult, RunResult
from coppice.reconciler.report import Report

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
    applied = observed.applied
    facts: dict[str, object] = {
        "namespace": observed.name.namespace,
        "revision": applied.revision if applied else "",
        "result": applied.result if applied else "",
        "url": applied.url if applied else "",
    }
    receipt = receipt_of(ran.results, observed.recorded.record) if gone else {}
    return Report(
        key=key.fields,
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
