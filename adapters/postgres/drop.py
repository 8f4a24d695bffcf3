"""Drop a branch's database and its role: no new sessions, none that stand, then the database, then the role.

What is dropped is what was read: by its identity, and by its role's mark, looked at again in the same
session. The role goes last, for its mark says whose the rest is.
"""

import contextlib

from psycopg import errors, sql

from adapters.postgres.client import WORK, Server, Session
from adapters.postgres.look import look
from branches.database import Database
from branches.removal import Owned
from loop.errors import Conflict, Rejected

# Of the branch's role everywhere, and of everyone in the database.
_END = """
    SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) AS ended FROM pg_stat_activity
    WHERE (datid = %s OR usesysid = %s) AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
"""
# A database whose dropping was cut short takes no sessions, and who alters it is thrown out:
# https://www.postgresql.org/docs/current/catalog-pg-database.html
_VALID = "SELECT oid FROM pg_database WHERE oid = %s AND datconnlimit <> -2"
_GONE = (errors.InvalidCatalogName, errors.UndefinedObject)


class DatabaseDropperAdapter:
    """Drops databases.

    Args:
        server: where they are.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def drop(self, owned: Owned[Database]) -> int:
        """Drop the very database that was read, and its role; what is gone by then is no error.

        Returns:
            How many sessions were ended.

        Raises:
            Conflict: it is no longer the one that was read.
            Rejected: the role owns something elsewhere.
        """
        subject = owned.subject
        name = sql.Identifier(subject.name)
        with self._server.session(f"drop {subject}", seconds=WORK) as session:
            found = look(session, subject.name)
            if found is None:
                return 0
            if found.owner is None or (found.owner, found.oid or subject.oid, found.role) != (
                subject.owner and subject.owner.as_written,
                subject.oid,
                subject.role,
            ):
                raise Conflict(f"{subject} is no longer the one that was read")
            _close(session, name, found.oid)
            row = session.execute(_END, [found.oid, found.role]).fetchone()
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            try:
                session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))
            except errors.DependentObjectsStillExist as error:
                raise Rejected(
                    f"role {subject.name} cannot be dropped while something elsewhere depends on it: "
                    f"{error.diag.message_detail}. Run DROP OWNED BY there, as docs/databases.md shows"
                ) from error
            return int(row["ended"]) if row else 0


def _close(session: Session, name: sql.Identifier, oid: int | None) -> None:
    if session.execute(_VALID, [oid]).fetchone():
        with contextlib.suppress(*_GONE):
            # A template cannot be dropped, and its owner may have made it one.
            close = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false IS_TEMPLATE false")
            session.execute(close.format(name))
    with contextlib.suppress(*_GONE):
        session.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
