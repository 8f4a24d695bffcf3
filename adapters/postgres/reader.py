"""Reads databases and roles. A database and the role of its name belong together; either may be missing."""

from collections.abc import Iterable, Sequence

from psycopg import sql
from psycopg.rows import DictRow

from adapters.postgres.client import READ_SECONDS, Server
from adapters.postgres.session import Session
from adapters.retry import retry_reads
from coppice.components.database import Database, recognised

_PAIRS = sql.SQL(
    """
    SELECT coalesce(d.datname, r.rolname) AS name, d.oid, r.oid AS role,
           shobj_description(r.oid, 'pg_authid') AS role_comment,
           shobj_description(d.oid, 'pg_database') AS database_comment,
           coalesce(d.datdba = r.oid, false) AS owned,
           coalesce(d.datallowconn, false) AND NOT EXISTS (
               SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) WHERE grantee = 0
           ) AS fenced,
           coalesce(r.rolcanlogin, false) AS signs_in,
           (SELECT count(*) FROM pg_stat_activity WHERE datid = d.oid AND usename <> current_user) AS sessions
    FROM pg_database d FULL JOIN pg_roles r ON r.rolname = d.datname
    """
)
_ONE = sql.SQL("{} WHERE coalesce(d.datname, r.rolname)::text = {}")
_ALL = sql.SQL("{} WHERE starts_with(coalesce(d.datname, r.rolname)::text, {}) ORDER BY name")
# Azure owns two of the databases, and a customer cannot change them.
_OPEN_TO_PUBLIC = sql.SQL(
    """
    SELECT datname FROM pg_database d
    WHERE datallowconn AND datname NOT IN ('azure_maintenance', 'azure_sys') AND EXISTS (
        SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))
        WHERE grantee = 0 AND privilege_type = 'CONNECT'
    )
    ORDER BY datname
    """
)


_REVOKE = sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC;")


def query(name: str) -> sql.Composed:
    """Build the query that reads a database and its role.

    Args:
        name: their name.

    Returns:
        The query, whose rows `found` reads.
    """
    return _ONE.format(_PAIRS, sql.Literal(name))


def found(rows: Sequence[DictRow]) -> Database | None:
    """Read the answer to `query`.

    Args:
        rows: its rows.

    Returns:
        The database and its role; `None` if neither exists.
    """
    return _database(rows[0]) if rows else None


def look(session: Session, name: str) -> Database | None:
    """Read a database and its role in a session.

    Args:
        session: a session in any database.
        name: their name.

    Returns:
        Both; `None` if neither exists.
    """
    (rows,) = session.execute(query(name))
    return found(rows)


def _database(row: DictRow) -> Database:
    return recognised(
        Database(
            name=row["name"],
            oid=row["oid"],
            role=row["role"],
            owner=None,
            login="",
            finished=False,
            sessions=row["sessions"],
        ),
        comments=(row["role_comment"], row["database_comment"]),
        owned=row["owned"],
        fenced=row["fenced"],
        signs_in=row["signs_in"],
    )


def revoke_statements(databases: Iterable[str]) -> str:
    """Build the statements that take CONNECT on databases from PUBLIC.

    Args:
        databases: their names.

    Returns:
        The statements, one after the other.
    """
    return " ".join(_REVOKE.format(sql.Identifier(name)).as_string() for name in databases)


class DatabaseReaderAdapter:
    """Reads databases.

    Args:
        server: the server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    @retry_reads
    def get(self, name: str) -> Database | None:
        """Read a database and its role; one query.

        Args:
            name: their name.

        Returns:
            Both; `None` if neither exists.

        Raises:
            Failure: the server refused, or did not answer.
        """
        with self._server.session(f"read database/{name}", seconds=READ_SECONDS) as session:
            return look(session, name)

    @retry_reads
    def all(self, prefix: str) -> tuple[Database, ...]:
        """Read all databases and roles whose names have a prefix; one query.

        Args:
            prefix: the prefix.

        Returns:
            Them, by name.

        Raises:
            Failure: the server refused, or did not answer.
        """
        with self._server.session(f"list the databases {prefix}*", seconds=READ_SECONDS) as session:
            (rows,) = session.execute(_ALL.format(_PAIRS, sql.Literal(prefix)))
        return tuple(map(_database, rows))

    @retry_reads
    def open_to_public(self) -> tuple[str, ...]:
        """Read which databases every role may connect to; one query.

        Returns:
            Their names.

        Raises:
            Failure: the server refused, or did not answer.
        """
        with self._server.session("read who may connect", seconds=READ_SECONDS) as session:
            (rows,) = session.execute(_OPEN_TO_PUBLIC)
        return tuple(row["datname"] for row in rows)
