"""Connections to the server, and its errors as our types. Each call has a connection of its own, and with it
a password of its own: an Entra token lives for an hour.

Whatever a branch may have set on its own database (`search_path`, say) must not decide what an admin's
statement means, nor whether it is made, so sessions begin with settings of ours, which outrank a database's.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import psycopg
from azure.core.credentials import TokenCredential
from psycopg import errors
from psycopg.rows import DictRow, dict_row

from adapters.azure.client import translated as azure_translated
from adapters.postgres.address import Address, address
from adapters.postgres.advice import advice
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

Session: TypeAlias = psycopg.Connection[DictRow]

# The application that Entra knows Azure Database for PostgreSQL as:
# https://learn.microsoft.com/azure/postgresql/flexible-server/how-to-configure-sign-in-azure-ad-authentication
_SCOPE = "https://ossrdbms-aad.database.windows.net/.default"
READ_SECONDS = 15  # seconds that a statement may take which only reads
WRITE_SECONDS = 300  # seconds for others: a template is copied file by file
_CONNECTION: dict[str, Any] = {
    "application_name": "coppice",
    "client_encoding": "utf8",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
# What a database's owner may set there and would be in our way, by the version that knows it first. A `role`
# would be taken for the admin's, and a library that is not there lets nobody in.
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
# What a server says while a connection is made comes as text alone, without a code.
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
# What a server says of two who alter one role comes with the code of an internal error.
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
    """Sign in with Entra.

    Args:
        tokens: fetches the identity's tokens.

    Returns:
        What fetches one for the server.
    """

    def fetch() -> str:
        with azure_translated("fetch a token for the PostgreSQL server"):
            return tokens.get_token(_SCOPE).token

    return fetch


class Server:
    """The server, as its admin sees it.

    Args:
        url: `POSTGRES_SERVER_URL`.
        token: fetches what stands in for a password, where the URL has none and is not about loopback.

    Raises:
        NotSetUp: the URL cannot be used.
    """

    def __init__(self, url: str, token: Callable[[], str] | None = None) -> None:
        self.address: Address = address(url)
        self._token = token

    @contextlib.contextmanager
    def session(
        self, what: str, *, database: str = "", seconds: int = READ_SECONDS, version: int = 0
    ) -> Iterator[Session]:
        """Connect for as long as the context lasts; each statement is a transaction of its own.

        Args:
            what: what is about to be done, for messages.
            database: where to; empty takes the one of the URL.
            seconds: how long a statement may take.
            version: the server's, if the database is a branch's: its settings are then overruled.

        Yields:
            The connection.

        Raises:
            Failure: what the server answered.
        """
        at = self.address
        ours = [each for each, since in _SESSION_SETTINGS.items() if version > since]
        options = " -c ".join(("-c search_path=pg_catalog", f"statement_timeout={seconds}s", *ours))
        with (
            _translated(what, at),
            psycopg.connect(
                host=at.host,
                port=at.port,
                user=at.user,
                password=self._password() or None,
                dbname=database or at.database,
                options=options,
                autocommit=True,
                row_factory=dict_row,
                **_CONNECTION,
                **at.tls,
            ) as connection,
        ):
            yield connection

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
    said = [error.diag.message_primary, error.diag.message_detail, error.diag.message_hint]
    message = " - ".join(part for part in said if part) or " ".join(str(error).split())
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
