"""The one place that retries. The SDKs' own retries are switched off, because they hide: a lost answer to a
POST would be sent twice.

Only what reads is retried here, briefly, and only where the answer did not come. Writes are never sent
again by an adapter: the loop looks at the world first, and the queue brings the key back.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from loop.errors import Unreachable

P = ParamSpec("P")
R = TypeVar("R")


def reading(call: Callable[P, R]) -> Callable[P, R]:
    """Make a call that reads try three times in all, a fraction of a second apart, if no answer came.

    Args:
        call: what reads.

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
    def patient(*args: P.args, **kwargs: P.kwargs) -> R:
        return call(*args, **kwargs)

    return patient
