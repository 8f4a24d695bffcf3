"""The one place that retries. The SDKs' own retries are switched off, because they hide: a lost answer to a
POST would be sent twice.

What reads is retried here, briefly, and only where the answer did not come; so is the delete that gives a
lease back: done twice it does no more than once. Any other write is sent again only if it was refused unread,
for having come too fast, and its turn is a matter of seconds; or if what it was made from had changed, and it
is made anew. Else the loop looks at the world first, and the queue brings the key back.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    nap,
    retry,
    retry_if_exception,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    stop_before_delay,
    wait_random,
    wait_random_exponential,
)

from coppice.reconciler.errors import Conflict, Throttled, Unreachable

_MAX_SECONDS = 10.0  # seconds: a lease that was renewed before the write outlasts it
_MAX_TRIES = 10  # tries within these: nobody is told to come back in less than a second
_POLL_INTERVAL = 1.0  # seconds
_JITTER = 0.05  # seconds: who writes to an identity holds its lock, so few come back at the same time

P = ParamSpec("P")
R = TypeVar("R")


def retry_reads(call: Callable[P, R]) -> Callable[P, R]:
    """Make a call try three times in all, a fraction of a second apart, if no answer came.

    Args:
        call: what reads, or what else may be done twice.

    Returns:
        The same, with patience.
    """

    @retry(
        retry=retry_if_exception(lambda error: isinstance(error, Unreachable) and error.retry_after is None),
        stop=stop_after_attempt(3),
        wait=wait_random_exponential(multiplier=0.1, max=1),
        reraise=True,
    )
    @wraps(call)
    def retrying(*args: P.args, **kwargs: P.kwargs) -> R:
        return call(*args, **kwargs)

    return retrying


def retry_throttled(call: Callable[P, R]) -> Callable[P, R]:
    """Make a call that writes come again when it is told to, for ten seconds in all, if it came too fast.

    Azure lets about one write in four seconds through to an identity. Whoever went back to the queue for
    that would find others there first when it comes back, and be refused again.

    Args:
        call: what writes; a 429 says that nothing of it was done.

    Returns:
        The same, with patience.
    """

    @retry(
        retry=retry_if_exception(lambda error: isinstance(error, Throttled)),
        stop=stop_before_delay(_MAX_SECONDS) | stop_after_attempt(_MAX_TRIES),
        wait=_retry_after,
        reraise=True,
    )
    @wraps(call)
    def retrying(*args: P.args, **kwargs: P.kwargs) -> R:
        return call(*args, **kwargs)

    return retrying


def _retry_after(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = error.retry_after if isinstance(error, Throttled) else None
    return (told or _MAX_SECONDS) + wait_random(0, _JITTER)(state)


def retry_conflicts(call: Callable[P, R]) -> Callable[P, R]:
    """Make a call that reads something and writes it back come again if somebody else was faster.

    Args:
        call: what reads and writes; a `Conflict` says that nothing of it was done.

    Returns:
        The same, with patience.
    """

    @retry(
        retry=retry_if_exception_type(Conflict),
        stop=stop_after_attempt(_MAX_TRIES),
        wait=wait_random(0, 2 * _JITTER),
        reraise=True,
    )
    @wraps(call)
    def retrying(*args: P.args, **kwargs: P.kwargs) -> R:
        return call(*args, **kwargs)

    return retrying


def pause(seconds: float) -> None:
    """Wait.

    Args:
        seconds: for how long.
    """
    if seconds > 0:
        nap.sleep(seconds)


def poll_until(probe: Callable[[], R | None], *, seconds: float) -> R | None:
    """Look every second or two until something is there.

    Args:
        probe: returns what is looked for, or `None`.
        seconds: for how long to look; with 0 it is looked once.

    Returns:
        What `look` returned last.
    """
    found: R | None = Retrying(
        retry=retry_if_result(lambda found: found is None),
        stop=stop_before_delay(seconds) | stop_after_attempt(1 + int(seconds / _POLL_INTERVAL)),
        wait=wait_random(_POLL_INTERVAL, 2 * _POLL_INTERVAL),
        retry_error_callback=lambda _: None,
    )(probe)
    return found
