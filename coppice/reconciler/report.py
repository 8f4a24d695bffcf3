"""What a run tells: one log line of JSON, the same for every reconciler, so that one query finds every run
that ended in one way.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from coppice.reconciler import correlation
from coppice.reconciler.controller import ChangeResult
from coppice.reconciler.outcome import Outcome, Stalled

_log = correlation.logger("coppice.run")


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run.

    Args:
        key: what was reconciled, as the queue's message names it.
        outcome: how it ended.
        seconds: how long it took.
        results: what was changed, in order, with the errors met.
        facts: what else is worth a column of its own: the revision, the namespace, the receipt.
        remarks: what people should know of what was made: corrections, and what has no effect.
        correlation_id: what led to the run; empty if nobody knows.
    """

    key: Mapping[str, str]
    outcome: Outcome
    seconds: float
    results: tuple[ChangeResult, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    correlation_id: str = field(default_factory=correlation.current)

    def as_json(self) -> dict[str, object]:
        """The report as a JSON object; every value is safe to show."""
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
        """Write the one line, as a warning if somebody has to do something, or to know of something."""
        told = isinstance(self.outcome, Stalled) or self.remarks
        level = logging.WARNING if told else logging.INFO
        _log.document(level, "run", self.as_json())
