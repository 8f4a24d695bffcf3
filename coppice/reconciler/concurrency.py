"""Makes calls that do not depend on each other concurrently, each with the current correlation ID."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from coppice.reconciler.correlation import carried

T = TypeVar("T")

# An ordinary overlay has no more objects that its pods need: one round trip applies them. A test that needs
# the same order of calls in every run sets it to 1.
_SIDE_BY_SIDE = 20


class Start(Protocol):
    """Starts calls that run concurrently."""

    def __call__(self, call: Callable[[], T], /) -> Callable[[], T]:
        """Start a call.

        Args:
            call: the call.

        Returns:
            A function that waits for the call, and returns its result or raises what it raised.
        """


@contextlib.contextmanager
def concurrently() -> Iterator[Start]:
    """Make calls concurrently; all of them have ended when the context ends.

    Yields:
        A function that starts a call.

    Raises:
        BaseException: what a call raised, even if nobody asked for its result.
    """
    if _SIDE_BY_SIDE == 1:
        yield _made
        return
    results: list[Callable[[], object]] = []
    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:

        def start(call: Callable[[], T], /) -> Callable[[], T]:
            result = pool.submit(carried(call)).result
            results.append(result)
            return result

        yield start
    for result in results:
        result()


def side_by_side(*calls: Callable[[], T]) -> list[T]:
    """Make calls concurrently.

    Args:
        calls: the calls.

    Returns:
        Their results, in the order of the calls.

    Raises:
        BaseException: what the first call, in their order, raised. The other calls are waited for.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    with concurrently() as start:
        return [result() for result in [start(call) for call in calls]]


def _made(call: Callable[[], T], /) -> Callable[[], T]:
    result = call()
    return lambda: result
