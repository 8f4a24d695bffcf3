"""A pool of clients, each with its own open connections, for threads that come and go."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Generic, Protocol, TypeVar

# Azure forgets a connection that has been idle for four minutes, without telling either end. A request on it
# waits until its timeout. https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-idle-timeout
_MAX_IDLE = 180.0  # seconds


class Closable(Protocol):
    """A client that holds connections."""

    def close(self) -> None:
        """Close its connections."""


T = TypeVar("T", bound=Closable)


@dataclass(frozen=True)
class _Idle(Generic[T]):
    client: T
    since: float


class ClientPool(Generic[T]):
    """Clients that must not be shared by two threads at a time, kept for whoever needs one next.

    A client of each thread's own would make a new connection for each thread, which takes three round trips
    or four with TLS. There are as many clients as were ever in use at once, less those that were not needed
    for some minutes.

    Args:
        make: makes a client.
        clock: returns seconds that never go back.
    """

    def __init__(self, make: Callable[[], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._lock = Lock()
        self._idle: deque[_Idle[T]] = deque()  # the one used last is at the right

    @contextlib.contextmanager
    def borrow(self) -> Iterator[T]:
        """Take the client that was used last, or a new one if all are in use, and give it back afterwards.

        Yields:
            The client, which nobody else uses meanwhile.
        """
        client = self._take() or self._make()
        try:
            yield client
        finally:
            with self._lock:
                self._idle.append(_Idle(client, self._clock()))

    def _take(self) -> T | None:
        old = []
        with self._lock:
            while self._idle and self._clock() - self._idle[0].since > _MAX_IDLE:
                old.append(self._idle.popleft())
            taken = self._idle.pop() if self._idle else None
        for each in old:
            each.client.close()
        return taken.client if taken else None
