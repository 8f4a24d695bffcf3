"""Take away what other branches have granted a role in their databases, so that it can be dropped.

`DROP OWNED` takes away grants on what is in the database that it is run in, and on databases themselves
(https://www.postgresql.org/docs/current/sql-drop-owned.html). It is run in databases of branches alone: what
the role has anywhere else is not ours.
"""

import contextlib

from psycopg import errors, sql

from adapters.postgres.client import WORK, Server, Session
from adapters.postgres.look import look
from loop.errors import Conflict, Forbidden, NotSetUp, Rejected

# A database that takes no connections, or few, keeps us waiting for as long as its owner likes.
_TIES = """
    SELECT DISTINCT datname AS name, coalesce(datallowconn AND datconnlimit = -1, false) AS enters
    FROM pg_shdepend s LEFT JOIN pg_database d ON d.oid = s.dbid
    WHERE refclassid = 'pg_authid'::regclass AND refobjid = %s
"""
_DROP_OWNED = sql.SQL("DROP OWNED BY {}")
# The role stays then, and whoever drops it says on what it depends.
_REFUSED = (Conflict, Forbidden, NotSetUp, Rejected)
_STAYS = (errors.DependentObjectsStillExist, errors.InsufficientPrivilege, errors.LockNotAvailable)


def cut_ties(server: Server, session: Session, name: str, oid: int) -> None:
    """Take away what depends on a role in databases of branches; what cannot be taken away stays.

    Args:
        server: where it is.
        session: ours, with a short patience for locks, in a database that is no branch's.
        name: the role's name.
        oid: its oid.
    """
    drop_owned = _DROP_OWNED.format(sql.Identifier(name))
    ties = session.execute(_TIES, [oid]).fetchall()
    databases = {each["name"]: each["enters"] for each in ties}
    for database, enters in databases.items():
        found = look(session, database) if database is not None and enters else None
        if found is None or found.owner is None or found.oid is None:
            continue
        with (
            contextlib.suppress(*_REFUSED),
            server.session(f"take role/{name} out of it", database=database, seconds=WORK) as inside,
        ):
            inside.execute("SET lock_timeout = '5s'")
            inside.execute(drop_owned)
    # Grants on databases themselves belong to none, and fall from anywhere; ours must hold nothing of it.
    if None in databases and session.info.dbname not in databases:
        with contextlib.suppress(*_STAYS):
            session.execute(drop_owned)
