"""Drops a branch's database and its role: forbids new sessions, ends those that exist, drops the database,
then the role.

Only what was read is dropped: oid and mark are checked again in the same session. The role is dropped last,
because its mark says whose the database is.
"""

import contextlib
from collections.abc import Sequence

from psycopg import errors, sql
from psycopg.rows import DictRow

from adapters.postgres import reader
from adapters.postgres.client import WRITE_SECONDS, Server
from adapters.postgres.release import LEFT_ROLES, release
from adapters.postgres.session import Session
from coppice.components.database import Database, Dropped
from coppice.components.removal import Owned
from coppice.reconciler.errors import Conflict, Failure, Gone

# Sessions of the branch's role in any database, and of any role in the branch's database. A session of this
# program in which the database was handed over may still be ending: it is nobody's loss, and is not counted.
_TERMINATE_SESSIONS = sql.SQL(
    """
    WITH ended AS MATERIALIZED (
        SELECT pg_terminate_backend(pid) AS ended, application_name, usename FROM pg_stat_activity
        WHERE (datid = {} OR usesysid = {}) AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
    )
    SELECT count(*) AS ended FROM ended
    WHERE ended AND NOT (application_name = 'coppice' AND usename = current_user)
    """
)
# A database whose drop was interrupted accepts no session, and altering it is refused:
# https://www.postgresql.org/docs/current/catalog-pg-database.html
_VALID = sql.SQL("SELECT oid FROM pg_database WHERE oid = {} AND datconnlimit <> -2")
_PREPARED = sql.SQL(
    """
    SELECT gid, database, owner FROM pg_prepared_xacts
    WHERE owner = {} OR database = (SELECT datname FROM pg_database WHERE oid = {})
    """
)
# A template cannot be dropped, and the owner may have made the database one.
_CLOSE = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false IS_TEMPLATE false CONNECTION LIMIT -1")
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
            rows, valid, left = session.execute(
                reader.query(subject.name), _VALID.format(sql.Literal(subject.oid)), LEFT_ROLES
            )
            found = reader.found(rows)
            if found is None:
                return Dropped()
            if found.owner is None or (found.owner, found.oid or subject.oid, found.role) != (
                subject.owner and subject.owner.as_written,
                subject.oid,
                subject.role,
            ):
                raise Conflict(f"{subject} is no longer the one that was read")
            _close_to_sessions(session, name, alter=bool(valid))
            oid, role = sql.Literal(found.oid), sql.Literal(found.role)
            # Only now: until the former is committed, those that are ended here could come back.
            (row,), prepared = session.execute(
                _TERMINATE_SESSIONS.format(oid, role), _PREPARED.format(sql.Literal(found.name), oid)
            )
            self._roll_back_prepared(session, found, prepared)
            session.execute_alone(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            stays = "" if found.role is None else release(self._server, session, found.name, found.role, left)
            return Dropped(sessions=int(row["ended"]), left=stays)

    def _roll_back_prepared(self, session: Session, found: Database, prepared: Sequence[DictRow]) -> None:
        """Roll back prepared transactions, which belong to no session and keep a database from being dropped.

        Only their owner can roll them back, in their own database.
        """
        for row in prepared:
            database, version = row["database"], session.version
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
                    inside.execute_alone(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(row["gid"])))
            finally:
                if own:
                    session.execute(_FORBID_CONNECTIONS.format(sql.Identifier(database)))


def _close_to_sessions(session: Session, name: sql.Identifier, *, alter: bool) -> None:
    close = (*((_CLOSE.format(name),) if alter else ()), sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
    try:
        session.execute(*close)
    except _ALREADY_GONE:  # one of them: the other is closed all the same
        for each in close:
            with contextlib.suppress(*_ALREADY_GONE):
                session.execute(each)
