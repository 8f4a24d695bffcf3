"""The report of a run: one log line of JSON.

The line has the same form for every reconciler, so that one query finds all runs with the same outcome.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from coppice.reconciler import correlation
from coppice.reconciler.execution import ChangeResult
from coppice.reconciler.outcome import Outcome, Stalled

_log = correlation.logger("coppice.run")


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report of one run.

    Args:
        key: what was reconciled, with the fields of the queue message.
        outcome: how the run ended.
        seconds: how long the run took.
        results: the changes that were tried, in order, with their errors.
        facts: what else has a field of its own: the revision, the namespace, the receipt.
        remarks: what people should know about the changes: corrections, and settings that have no effect.
        correlation_id: the correlation ID of the event that led to the run; empty if it is not known.
    """

    key: Mapping[str, str]
    outcome: Outcome
    seconds: float
    results: tuple[ChangeResult, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    correlation_id: str = field(default_factory=correlation.current)

    def as_json(self) -> dict[str, object]:
        """Return the report as a JSON object. Every value is safe to show."""
        return {
            **self.key,
            **self.facts,
            **({"remarks": list(self.remarks)} if self.remarks else {}),
            "outcome": type(self.outcome).__name__,
            "code": self.outcome.code,
            "why": self.outcome.why,
            "seconds": round(self.seconds, 3),
            "changes": [str(result) for result in self.results if result.error is None],
            "failures": [str(result) for result in self.results if result.error],
            **({correlation.FIELD: self.correlation_id} if self.correlation_id else {}),
        }

    def log(self) -> None:
        """Log the report as one line: a warning if the run stalled or has remarks, else information."""
        told = isinstance(self.outcome, Stalled) or self.remarks
        level = logging.WARNING if told else logging.INFO
        _log.document(level, "run", self.as_json())
