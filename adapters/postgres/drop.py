"""Drop a branch's database and its role: no new sessions, none that stand, then the database, then the role.

What is dropped is what was read: by its identity, and by its role's mark, looked at again in the same
session. The role goes last, for its mark says whose the rest is.

Another branch may have granted the role something in its own database, and PostgreSQL drops no role on which
anything depends. Nobody's removal may wait for a neighbour: such grants are taken away, and where that cannot
be done the role stays behind under another name, without a login, until it can go.
"""

import contextlib

from psycopg import errors, sql

from adapters.postgres.client import WORK, Server, Session
from adapters.postgres.look import look
from adapters.postgres.ties import cut_ties
from branches.database import Database, Dropped
from branches.removal import Owned
from loop.errors import Conflict

# Of the branch's role everywhere, and of everyone in the database.
_END = """
    SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) AS ended FROM pg_stat_activity
    WHERE (datid = %s OR usesysid = %s) AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
"""
# A database whose dropping was cut short takes no sessions, and who alters it is thrown out:
# https://www.postgresql.org/docs/current/catalog-pg-database.html
_VALID = "SELECT oid FROM pg_database WHERE oid = %s AND datconnlimit <> -2"
_GONE = (errors.InvalidCatalogName, errors.UndefinedObject)
_DROP_ROLE = sql.SQL("DROP ROLE IF EXISTS {}")
_RENAME = sql.SQL("ALTER ROLE {} RENAME TO {}")
_LEFT = "coppice-left-"
_LEFT_BEHIND = "SELECT rolname FROM pg_roles WHERE rolname = %s || oid"
# Whoever has begun to grant the role something, and does not come to an end, holds it.
_PATIENCE = "SET lock_timeout = '5s'"
_HELD = (errors.DependentObjectsStillExist, errors.LockNotAvailable)


class DatabaseDropperAdapter:
    """Drops databases.

    Args:
        server: where they are.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def drop(self, owned: Owned[Database]) -> Dropped:
        """Drop the very database that was read, and its role; what is gone by then is no error.

        Returns:
            How many sessions were ended, and whether the role had to stay.

        Raises:
            Conflict: it is no longer the one that was read.
        """
        subject = owned.subject
        name = sql.Identifier(subject.name)
        with self._server.session(f"drop {subject}", seconds=WORK) as session:
            found = look(session, subject.name)
            if found is None:
                return Dropped()
            if found.owner is None or (found.owner, found.oid or subject.oid, found.role) != (
                subject.owner and subject.owner.as_written,
                subject.oid,
                subject.role,
            ):
                raise Conflict(f"{subject} is no longer the one that was read")
            _close(session, name, found.oid)
            row = session.execute(_END, [found.oid, found.role]).fetchone()
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            session.execute(_PATIENCE)
            if found.role is not None:
                cut_ties(self._server, session, subject.name, found.role)
            left = _drop_role(session, subject.name, found.role)
            _drop_left_behind(session)
            return Dropped(int(row["ended"]) if row else 0, left)


def _drop_role(session: Session, name: str, oid: int | None) -> str:
    """Drop the role, or else give it another name; what is left of it, for people."""
    role = sql.Identifier(name)
    try:
        session.execute(_DROP_ROLE.format(role))
    except _HELD as error:
        other = f"{_LEFT}{oid}"
        session.execute(sql.SQL("ALTER ROLE {} PASSWORD NULL").format(role))
        session.execute(_RENAME.format(role, sql.Identifier(other)))
        why = error.diag.message_detail or error.diag.message_primary
        return (
            f"role {name} is now {other}, without a login, for it cannot be dropped: {why}. DROP OWNED BY "
            f'"{other}" there lets it go with the next removal'
        )
    return ""


def _drop_left_behind(session: Session) -> None:
    """Drop roles that had to stay behind earlier, where nothing depends on them any more."""
    for row in session.execute(_LEFT_BEHIND, [_LEFT]).fetchall():
        with contextlib.suppress(*_HELD, *_GONE):
            session.execute(_DROP_ROLE.format(sql.Identifier(row["rolname"])))


def _close(session: Session, name: sql.Identifier, oid: int | None) -> None:
    if session.execute(_VALID, [oid]).fetchone():
        with contextlib.suppress(*_GONE):
            # A template cannot be dropped, and its owner may have made it one.
            close = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false IS_TEMPLATE false")
            session.execute(close.format(name))
    with contextlib.suppress(*_GONE):
        session.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
