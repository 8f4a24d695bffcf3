"""How a run ended. There are three ways, and no fourth called "probably fine"."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Done:
    """A pass looked, planned, and found nothing left to do."""

    why: str = ""
    code: str = "done"


@dataclass(frozen=True)
class Waiting:
    """Something is not yet so; the key comes back after `retry_after` seconds."""

    why: str
    code: str
    retry_after: float


@dataclass(frozen=True)
class Stalled:
    """Coming back does not help: somebody has to do what `why` says."""

    why: str
    code: str


Outcome: TypeAlias = Done | Waiting | Stalled
