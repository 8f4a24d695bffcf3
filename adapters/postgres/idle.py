"""Sessions that stay open for the next call: opening one costs five round trips.

`psycopg_pool` connects in threads of its own, and tries again when it is refused. A call would wait for its
time limit where the server refuses the password, and be told of the limit and not of the password
(https://www.psycopg.org/psycopg3/docs/advanced/pool.html). So this keeps sessions that calls have opened, and
does no more.

A session is kept for less than a minute, because a server has few and workers are many.
"""

import contextlib
import selectors
import threading
import time
from dataclasses import dataclass

from psycopg.pq import TransactionStatus

from adapters.postgres.session import Session

IDLE_SECONDS = 45.0
# What is judged when a session is opened (password, token, pg_hba.conf, firewall) applies again after this.
# An Entra token is valid for an hour at least.
_MAX_SECONDS = 600.0


@dataclass(frozen=True)
class _Kept:
    session: Session
    until: float


class IdleSessions:
    """The sessions that nobody uses.

    Args:
        seconds: how long one is kept after its last use.
        most_seconds: how long one is used after it was opened.
    """

    def __init__(self, seconds: float = IDLE_SECONDS, most_seconds: float = _MAX_SECONDS) -> None:
        self._seconds, self._most_seconds = seconds, most_seconds
        self._lock = threading.RLock()  # a server that is collected as garbage closes them in any thread
        self._kept: list[_Kept] = []  # the one that was used last is the last, and the first to be taken
        self._timer: threading.Timer | None = None

    def take(self) -> Session | None:
        """Take a session that works, as far as can be told without asking the server.

        Returns:
            The session, which is the caller's alone; `None` if there is none.
        """
        while True:
            with self._lock:
                if not self._kept:
                    return None
                kept = self._kept.pop()
            if time.monotonic() < kept.until and _silent(kept.session):
                return kept.session
            kept.session.connection.close()

    def put(self, session: Session) -> None:
        """Keep a session for the next call, or close it if it is not fit for one.

        Args:
            session: the session, which the caller uses no more.
        """
        now = time.monotonic()
        until = min(now + self._seconds, session.opened + self._most_seconds)
        if until <= now or session.connection.info.transaction_status is not TransactionStatus.IDLE:
            session.connection.close()
            return
        with self._lock:
            self._kept.append(_Kept(session, until))
            self._close_in_time()

    def close(self) -> None:
        """Close all sessions."""
        with self._lock:
            kept, self._kept = self._kept, []
            if self._timer is not None:
                self._timer.cancel()
        for each in kept:
            each.session.connection.close()

    def _close_in_time(self) -> None:
        """Start the timer, unless it runs; the caller holds the lock."""
        if self._timer is None:
            wait = min(each.until for each in self._kept) - time.monotonic()
            self._timer = threading.Timer(max(wait, 0), self._close_late)
            self._timer.daemon = True
            self._timer.start()

    def _close_late(self) -> None:
        now = time.monotonic()
        with self._lock:
            late = [each for each in self._kept if each.until <= now]
            self._kept = [each for each in self._kept if each.until > now]
            self._timer = None
            if self._kept:
                self._close_in_time()
        for each in late:
            each.session.connection.close()


def _silent(session: Session) -> bool:
    """Whether there is nothing to read. A server says something in an idle session when it ends it."""
    with contextlib.suppress(OSError), selectors.DefaultSelector() as selector:
        selector.register(session.connection.fileno(), selectors.EVENT_READ)
        return not selector.select(0)
    return False
