"""How long a key that waits is put back onto its queue.

The queue does not merge equal keys. Without a limit, every sweep and every tick would start another chain of
messages that never ends. So after ten minutes the key is left to the next sweep or tick.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from coppice.reconciler.message import Stamps
from coppice.reconciler.outcome import Outcome, Waiting

MAX_AGE = timedelta(minutes=10)


def requeue_after(outcome: Outcome, stamps: Stamps, *, now: datetime) -> tuple[Stamps, float] | None:
    """Return whether and when a key is put back onto its queue.

    Args:
        outcome: how its run ended.
        stamps: the stamps of its message.
        now: the current time.

    Returns:
        The stamps of the next message, and its delay in seconds. `None` if the run is not `Waiting`, or if
        the key was first put back ten minutes ago or earlier.
    """
    since = stamps.first_seen or now
    if not isinstance(outcome, Waiting) or now - since >= MAX_AGE:
        return None
    return replace(stamps, first_seen=since), max(1.0, outcome.retry_after)
