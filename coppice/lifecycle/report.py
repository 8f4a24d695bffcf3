"""The report of a run of one branch."""

from collections.abc import Iterable
from typing import TypeVar

from coppice.components.namespace import ROLLING_OUT, Annotate
from coppice.components.observed import Observed
from coppice.environment.key import Key
from coppice.lifecycle.receipt import receipt_of
from coppice.reconciler.controller import RunResult
from coppice.reconciler.execution import ChangeResult
from coppice.reconciler.report import Report

Look = TypeVar("Look")


def build_report(key: Key, ran: RunResult[Look], observed: Observed, *, gone: bool, seconds: float) -> Report:
    """Build the report of a run.

    Args:
        key: the branch.
        ran: the result of the run.
        observed: the last observation of the run.
        gone: whether the run removed the environment; the report then has the receipt.
        seconds: how long the run took.

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
    """Return whether the run has applied the whole overlay.

    Only then the report has remarks: a run that waits before that plans the same again next time, and would
    repeat the remarks.
    """
    made = (result.change for result in results if result.error is None)
    return any(isinstance(each, Annotate) and each.applied.result == ROLLING_OUT for each in made)
