"""How long a waiting key goes back onto its queue.

The queue does not merge equal keys. Without a limit, every sweep and every tick would start one more chain of
messages that never ends; with it, what still waits after ten minutes is theirs.
"""

from datetime import datetime, timedelta

from coppice.reconciler.outcome import Outcome, Waiting

MAX_AGE = timedelta(minutes=10)


def requeue_after(
    outcome: Outcome, *, first_seen: datetime | None, now: datetime
) -> tuple[datetime, float] | None:
    """Say when a key has to come back.

    Args:
        outcome: how its run ended.
        first_seen: since when it has been waiting; `None` if it has only begun to.
        now: the time.

    Returns:
        Since when it has been waiting, and in how many seconds to come back; `None` if it has not to.
    """
    since = first_seen or now
    if not isinstance(outcome, Waiting) or now - since >= MAX_AGE:
        return None
    return since, max(1.0, outcome.retry_after)
