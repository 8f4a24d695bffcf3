"""A session on the server. Statements that do not need each other's answers go together."""

import time
from dataclasses import dataclass, field
from typing import TypeAlias

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

Statement: TypeAlias = sql.SQL | sql.Composed
Connection: TypeAlias = psycopg.Connection[DictRow]

# The parts of DISCARD ALL that concern us: as a whole it cannot run in a transaction, and would cost a round
# trip. https://www.postgresql.org/docs/current/sql-discard.html
_RESET = (
    sql.SQL("RESET SESSION AUTHORIZATION"),  # and the role
    sql.SQL("RESET ALL"),  # to what the connection was opened with
    sql.SQL("DEALLOCATE ALL"),
)
_TIMEOUT = sql.SQL("SET statement_timeout = {}")


@dataclass
class Session:
    """A session on the server.

    Args:
        connection: the connection, in autocommit mode.
        opened: when it was opened, in seconds of `time.monotonic`.
    """

    connection: Connection
    opened: float = field(default_factory=time.monotonic)
    _before: tuple[Statement, ...] = ()

    @property
    def version(self) -> int:
        """The server's version, such as 150004."""
        return self.connection.info.server_version

    @property
    def user(self) -> str:
        """The role that it was opened as."""
        return self.connection.info.user

    @property
    def database(self) -> str:
        """The database that it is in."""
        return self.connection.info.dbname

    def reset(self, seconds: int) -> None:
        """Have nothing of an earlier use apply. It is sent with the next statements: no round trip more.

        Args:
            seconds: how long a statement may take.
        """
        self._before = (*_RESET, _TIMEOUT.format(sql.Literal(f"{seconds}s")))

    def execute(self, *statements: Statement) -> list[list[DictRow]]:
        """Execute statements in one round trip and one transaction: all of them, or none.

        Args:
            statements: the statements; each holds its values.

        Returns:
            The rows of each.
        """
        # A message of several statements is a transaction:
        # https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
        cursor = self.connection.execute(sql.SQL(";\n").join((*self._before, *statements)))
        rows = [each.fetchall() if each.description else [] for each in cursor.results()]
        before, self._before = len(self._before), ()
        return rows[before:]

    def execute_alone(self, statement: Statement) -> None:
        """Execute a statement that cannot run in a transaction, such as CREATE DATABASE.

        Args:
            statement: the statement.
        """
        if self._before:
            self.execute()
        self.execute(statement)

    def verifier(self, password: str, role: str) -> str:
        """Compute what is sent to the server in the place of a password.

        Args:
            password: the password.
            role: the role that it is for.

        Returns:
            The SCRAM verifier.
        """
        return self.connection.pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        ).decode()
