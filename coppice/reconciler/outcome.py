"""The outcome of a run: `Done`, `Waiting` or `Stalled`."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Done:
    """The last pass observed, planned, and found nothing left to do."""

    why: str = ""
    code: str = "done"


@dataclass(frozen=True)
class Waiting:
    """Something is not as it should be yet; the key is processed again after `retry_after` seconds."""

    why: str
    code: str
    retry_after: float


@dataclass(frozen=True)
class Stalled:
    """Trying again does not help: somebody has to do what `why` says."""

    why: str
    code: str


Outcome: TypeAlias = Done | Waiting | Stalled
