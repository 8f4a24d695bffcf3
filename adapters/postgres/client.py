"""Sessions on the server, and its errors as our types.

A session on the database of the URL stays open for the next call. One on another database is closed after its
call: it would keep a branch's database from being dropped, or a template from being copied. Each is opened
with a fresh password, because an Entra token expires after an hour.

A branch may set parameters on its own database, such as `search_path`. They must not change what an admin's
statement means, or prevent it. So sessions start with settings of ours, which outrank those of a database.
"""

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from azure.core.credentials import TokenCredential
from psycopg import errors
from psycopg.rows import dict_row

from adapters.azure.client import translated as azure_translated
from adapters.postgres.address import Address, address
from adapters.postgres.advice import advice
from adapters.postgres.idle import IdleSessions
from adapters.postgres.session import Connection, Session
from coppice.reconciler.errors import (
    Conflict,
    Failure,
    Forbidden,
    Gone,
    NotSetUp,
    QuotaReached,
    Rejected,
    Throttled,
    Unreachable,
)

PLAIN = "template1"  # what PostgreSQL copies by default
# The application id of Azure Database for PostgreSQL in Entra:
# https://learn.microsoft.com/azure/postgresql/flexible-server/how-to-configure-sign-in-azure-ad-authentication
_SCOPE = "https://ossrdbms-aad.database.windows.net/.default"
READ_SECONDS = 15  # how long a statement may take that only reads
WRITE_SECONDS = 300  # how long others may take: a template is copied file by file
_CONNECTION: dict[str, Any] = {
    "autocommit": True,
    "row_factory": dict_row,
    "prepare_threshold": None,  # preparing one takes a round trip, and nothing is executed that often
    "application_name": "coppice",
    "client_encoding": "utf8",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
# What the owner of a database may set on it and would hinder us, and the first version that knows it. A
# `role` would replace the admin's, and a library that does not exist prevents every connection.
_SESSION_SETTINGS: dict[str, int] = {
    "role=none": 0,
    "default_transaction_read_only=off": 0,
    "default_transaction_isolation=read\\ committed": 0,
    "local_preload_libraries=": 0,
    "lock_timeout=0": 0,
    "idle_in_transaction_session_timeout=0": 0,
    "standard_conforming_strings=on": 0,
    "row_security=on": 0,
    "idle_session_timeout=0": 140000,
    "transaction_timeout=0": 170000,
}
# Errors while a connection is opened have a message and no code.
_CONNECTION_ERRORS: tuple[tuple[type[Failure], tuple[str, ...]], ...] = (
    (Throttled, ("too many clients", "too many connections", "remaining connection slots")),
    (NotSetUp, ("certificate", "does not support SSL", "SSL is not enabled")),
    (
        Forbidden,
        (
            "authentication failed",
            "access token",
            "pg_hba.conf",
            "not permitted to log in",
            "CONNECT privilege",
        ),
    ),
    (NotSetUp, ('" does not exist',)),
)
_IN_USE = "55006"
# Two sessions altered one role at once; the code is that of an internal error.
_CONCURRENT_CHANGE = "tuple concurrently updated"
_SQLSTATES: tuple[tuple[str, type[Failure]], ...] = (
    ("08", Unreachable),
    ("23505", Conflict),  # two at once have made the same
    ("28", Forbidden),
    ("25006", Unreachable),  # a replica, or a server whose storage is full: it takes no writes for now
    ("2BP01", Rejected),
    ("3D000", Gone),
    ("40", Conflict),
    ("42501", Forbidden),
    ("42704", Gone),
    ("42710", Conflict),
    ("42P04", Conflict),
    ("53100", QuotaReached),
    ("53300", Throttled),
    ("53", Unreachable),
    (_IN_USE, Conflict),
    ("55P03", Conflict),
    ("57", Unreachable),
    ("58", Unreachable),
    ("XX001", Rejected),  # data is damaged
    ("XX002", Rejected),  # an index is
    ("XX", Unreachable),  # an error of the server's own, which may pass
)


def entra(tokens: TokenCredential) -> Callable[[], str]:
    """Make a function that fetches an Entra token for the server.

    Args:
        tokens: fetches the identity's tokens.

    Returns:
        The function.
    """

    def fetch() -> str:
        with azure_translated("fetch a token for the PostgreSQL server"):
            return tokens.get_token(_SCOPE).token

    return fetch


class Server:
    """Opens sessions on the server, as its admin.

    Args:
        url: `POSTGRES_SERVER_URL`.
        token: fetches a token, which is the password if the URL has none and names another machine.
        template: the database that branches' databases are copies of; empty for `template1`.
        idle: keeps sessions that nobody uses.

    Raises:
        NotSetUp: the URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str] | None = None,
        *,
        template: str = "",
        idle: IdleSessions | None = None,
    ) -> None:
        self.address: Address = address(url)
        self._token = token
        self._idle = idle or IdleSessions()
        self._keeps = self.address.database != (template or PLAIN)
        weakref.finalize(self, self._idle.close)

    @contextlib.contextmanager
    def session(
        self, what: str, *, database: str = "", seconds: int = READ_SECONDS, version: int = 0
    ) -> Iterator[Session]:
        """Use a session while the context lasts.

        Args:
            what: what is to be done, for messages.
            database: the database; empty for the one of the URL.
            seconds: how long a statement may take.
            version: for a branch's database, the server's version: the database's settings are overridden.

        Yields:
            The session.

        Raises:
            Failure: the server refused, or did not answer.
        """
        keeps = self._keeps and not database
        with _translated(what, self.address):
            session = self._idle.take() if keeps else None
            if session is None:
                session = Session(self._connect(database or self.address.database, seconds, version))
            else:
                session.reset(seconds)
            try:
                yield session
            except BaseException:  # the session may be the reason
                session.connection.close()
                raise
            if keeps:
                self._idle.put(session)
            else:
                session.connection.close()

    def _connect(self, database: str, seconds: int, version: int) -> Connection:
        at = self.address
        ours = [each for each, since in _SESSION_SETTINGS.items() if version > since]
        options = " -c ".join(("-c search_path=pg_catalog", f"statement_timeout={seconds}s", *ours))
        return psycopg.connect(
            host=at.host,
            port=at.port,
            user=at.user,
            password=self._password() or None,
            dbname=database,
            options=options,
            **_CONNECTION,
            **at.tls,
        )

    def _password(self) -> str:
        if self.address.password or self.address.loopback:
            return self.address.password
        if self._token is None:
            raise NotSetUp(
                "POSTGRES_SERVER_URL has no password, and there is no Entra identity to sign in as"
            )
        return self._token()


@contextlib.contextmanager
def _translated(what: str, at: Address) -> Iterator[None]:
    try:
        yield
    except errors.Error as error:
        raise _failure(what, at, error) from error


def _failure(what: str, at: Address, error: errors.Error) -> Failure:
    parts = [error.diag.message_primary, error.diag.message_detail, error.diag.message_hint]
    message = " - ".join(part for part in parts if part) or " ".join(str(error).split())
    message = f"the PostgreSQL server {at.host}:{at.port} did not {what}: {message}"
    code = error.sqlstate
    if code is None:
        kind = next(
            (kind for kind, texts in _CONNECTION_ERRORS if any(text in message for text in texts)),
            Unreachable,
        )
    else:
        kind = next((kind for prefix, kind in _SQLSTATES if code.startswith(prefix)), Rejected)
    if _CONCURRENT_CHANGE in message:
        kind = Conflict
    if kind is Forbidden:
        message += f". {advice(message, at)}"
    waits = {Throttled: 10.0, Conflict: 30.0 if code == _IN_USE else None}
    return kind(message, retry_after=waits.get(kind))
