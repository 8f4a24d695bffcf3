"""The only place that retries. The SDKs' own retries are off: they would send a POST again whose answer was
lost.

A read is retried a few times if no answer came. So is the delete of a lease, because deleting it twice does
no more than deleting it once. Any other write is retried in two cases only: the server refused it for coming
too fast, so nothing of it was done; or the object had changed since it was read, and the write is made from
what it is now. In all other cases the run observes the world again, and the queue brings the key back.
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

_MAX_SECONDS = 10.0  # a lease that was renewed before the write lasts longer
_MAX_TRIES = 10  # within these seconds: no server asks for less than a second between two
_POLL_INTERVAL = 1.0  # seconds
_JITTER = 0.05  # seconds; little, since a writer holds the lock of its identity

P = ParamSpec("P")
R = TypeVar("R")


def retry_reads(call: Callable[P, R]) -> Callable[P, R]:
    """Retry a call up to twice, a fraction of a second apart, if no answer came.

    Args:
        call: reads, or does something that may be done twice.

    Returns:
        The same call, with retries.
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
    """Retry a write that was throttled, when the server says and for ten seconds in all.

    Azure accepts about one write in four seconds for an identity. A key that went back to the queue instead
    would find other keys there first, and be throttled again.

    Args:
        call: writes; a 429 says that nothing of it was done.

    Returns:
        The same call, with retries.
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
    retry_after = error.retry_after if isinstance(error, Throttled) else None
    return (retry_after or _MAX_SECONDS) + wait_random(0, _JITTER)(state)


def retry_conflicts(call: Callable[P, R]) -> Callable[P, R]:
    """Retry a call that reads an object and writes it back, if the object changed in between.

    Args:
        call: reads and writes; a `Conflict` says that nothing of it was done.

    Returns:
        The same call, with retries.
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
    """Sleep; not at all for a negative time.

    Args:
        seconds: for how long.
    """
    if seconds > 0:
        nap.sleep(seconds)


def poll_until(probe: Callable[[], R | None], *, seconds: float) -> R | None:
    """Poll every second or two until there is a result.

    Args:
        probe: returns the result, or `None` if there is none yet.
        seconds: for how long to poll; 0 polls once.

    Returns:
        What `probe` returned last.
    """
    found: R | None = Retrying(
        retry=retry_if_result(lambda found: found is None),
        stop=stop_before_delay(seconds) | stop_after_attempt(1 + int(seconds / _POLL_INTERVAL)),
        wait=wait_random(_POLL_INTERVAL, 2 * _POLL_INTERVAL),
        retry_error_callback=lambda _: None,
    )(probe)
    return found
