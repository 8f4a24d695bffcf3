"""How long a waiting key goes back onto its queue.

The queue does not merge equal keys. Without a limit, every sweep and every tick would start one more chain of
messages that never ends; with it, what still waits after ten minutes is theirs.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from coppice.reconciler.message import Stamps
from coppice.reconciler.outcome import Outcome, Waiting

MAX_AGE = timedelta(minutes=10)


def requeue_after(outcome: Outcome, stamps: Stamps, *, now: datetime) -> tuple[Stamps, float] | None:
    """Say when a key has to come back.

    Args:
        outcome: how its run ended.
        stamps: those that it came with.
        now: the time.

    Returns:
        The stamps that it comes back with, and in how many seconds; `None` if it has not to.
    """
    since = stamps.first_seen or now
    if not isinstance(outcome, Waiting) or now - since >= MAX_AGE:
        return None
    return replace(stamps, first_seen=since), max(1.0, outcome.retry_after)
