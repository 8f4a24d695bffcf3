"""Drops a branch's database and its role: forbids new sessions, ends those that exist, drops the database,
then the role.

Only what was read is dropped: oid and mark are checked again in the same session. The role is dropped last,
because its mark says whose the database is.
"""

import contextlib

from psycopg import errors, sql

from adapters.postgres.client import WRITE_SECONDS, Server, Session
from adapters.postgres.reader import look
from adapters.postgres.release import release
from coppice.components.database import Database, Dropped
from coppice.components.removal import Owned
from coppice.reconciler.errors import Conflict, Failure, Gone

# Sessions of the branch's role in any database, and of any role in the branch's database.
_TERMINATE_SESSIONS = """
    SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) AS ended FROM pg_stat_activity
    WHERE (datid = %s OR usesysid = %s) AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
"""
# A database whose drop was interrupted accepts no session, and altering it is refused:
# https://www.postgresql.org/docs/current/catalog-pg-database.html
_VALID = "SELECT oid FROM pg_database WHERE oid = %s AND datconnlimit <> -2"
_PREPARED = """
    SELECT gid, database, owner FROM pg_prepared_xacts
    WHERE owner = %s OR database = (SELECT datname FROM pg_database WHERE oid = %s)
"""
_ALLOW_CONNECTIONS = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true")
_FORBID_CONNECTIONS = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")
_ALREADY_GONE = (errors.InvalidCatalogName, errors.UndefinedObject)


class DatabaseDropperAdapter:
    """Drops databases.

    Args:
        server: the server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def drop(self, owned: Owned[Database]) -> Dropped:
        """Drop the database that was read, and its role. It is no error if they are gone.

        Args:
            owned: the database, with proof that it is ours.

        Returns:
            How many sessions were ended, and what stays behind.

        Raises:
            Conflict: the database or the role of this name is another one by now.
            Failure: the server refused, or did not answer.
        """
        subject = owned.subject
        name = sql.Identifier(subject.name)
        with self._server.session(f"drop {subject}", seconds=WRITE_SECONDS) as session:
            found = look(session, subject.name)
            if found is None:
                return Dropped()
            if found.owner is None or (found.owner, found.oid or subject.oid, found.role) != (
                subject.owner and subject.owner.as_written,
                subject.oid,
                subject.role,
            ):
                raise Conflict(f"{subject} is no longer the one that was read")
            _close_to_sessions(session, name, found.oid)
            row = session.execute(_TERMINATE_SESSIONS, [found.oid, found.role]).fetchone()
            self._roll_back_prepared(session, found)
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            left = release(self._server, session, found.name, found.role) if found.role is not None else ""
            return Dropped(sessions=int(row["ended"]) if row else 0, left=left)

    def _roll_back_prepared(self, session: Session, found: Database) -> None:
        """Roll back prepared transactions, which belong to no session and keep a database from being dropped.

        Only their owner can roll them back, in their own database.
        """
        for row in session.execute(_PREPARED, [found.name, found.oid]).fetchall():
            database, version = row["database"], session.info.server_version
            own = database == found.name
            if own:
                session.execute(_ALLOW_CONNECTIONS.format(sql.Identifier(database)))
            # A prepared transaction that stays in the branch's own database keeps it from being dropped, so
            # its reason is reported. One in another database keeps at most the role, which then stays behind.
            try:
                with (
                    contextlib.suppress(Gone if own else Failure),
                    self._server.session(
                        f"roll back what is prepared in database/{database}",
                        database=database,
                        version=version,
                    ) as inside,
                ):
                    inside.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(row["owner"])))
                    inside.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(row["gid"])))
            finally:
                if own:
                    session.execute(_FORBID_CONNECTIONS.format(sql.Identifier(database)))


def _close_to_sessions(session: Session, name: sql.Identifier, oid: int | None) -> None:
    if session.execute(_VALID, [oid]).fetchone():
        with contextlib.suppress(*_ALREADY_GONE):
            # A template cannot be dropped, and the owner may have made the database one.
            close = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false IS_TEMPLATE false CONNECTION LIMIT -1")
            session.execute(close.format(name))
    with contextlib.suppress(*_ALREADY_GONE):
        session.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
