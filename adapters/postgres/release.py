"""Drop a role, whatever others have granted to it.

Whoever owns a database or a table may grant it to any role, and PostgreSQL drops no role to which something
is granted. So a branch could keep its neighbour from being removed. What was granted in databases of ours is
taken away. What is elsewhere is not ours to touch: then the role stays, under a name that nobody asks for and
without a login, and is tried again whenever a role is dropped.
"""

import contextlib

from psycopg import errors, sql
from psycopg.rows import DictRow

from adapters.postgres.client import Server, Session
from adapters.postgres.look import look
from loop.errors import Failure

_LEFT = "coppice_left_"
_NOTE = "Coppice could not drop it: "
_MOST = 5  # roles that were left are tried again with each drop, so that a drop stays short
# A grant that is not committed yet holds the role, and its transaction may never end.
_PATIENCE = sql.SQL("SET lock_timeout = '1s'")
_TIED = """
    SELECT DISTINCT datname, s.dbid = 0 AS shared FROM pg_shdepend s
        JOIN pg_database d ON d.oid = CASE s.dbid WHEN 0 THEN s.objid ELSE s.dbid END
    WHERE refclassid = 'pg_authid'::regclass AND refobjid = %s
      AND (s.dbid <> 0 OR classid = 'pg_database'::regclass)
    ORDER BY 2, 1
"""
_WERE_LEFT = """
    SELECT rolname, oid FROM pg_roles
    WHERE starts_with(rolname, %s) AND NOT rolcanlogin
      AND starts_with(shobj_description(oid, 'pg_authid'), %s)
    ORDER BY random() LIMIT %s
"""
_HELD = (errors.DependentObjectsStillExist, errors.LockNotAvailable)


def release(server: Server, session: Session, name: str, oid: int) -> str:
    """Drop a branch's role, and such as were left behind.

    Args:
        server: where it is.
        session: a session there.
        name: the role's; its database is gone.
        oid: the role's identity.

    Returns:
        What was left of it, and why; empty if nothing was.
    """
    session.execute(_PATIENCE)
    for row in session.execute(_WERE_LEFT, [_LEFT, _NOTE, _MOST]).fetchall():
        _drop(server, session, row["rolname"], row["oid"])
    why = _drop(server, session, name, oid)
    if not why:
        return ""
    left, role = f"{_LEFT}{oid}", sql.Identifier(name)
    with session.transaction():  # a role without its mark and with its old name would be in the way for ever
        note = sql.Literal(f"{_NOTE}{why}. It was {name}")
        session.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, note))
        session.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(role))
        session.execute(sql.SQL("ALTER ROLE {} RENAME TO {}").format(role, sql.Identifier(left)))
    return f"its role stays behind as {left}, without a login: {why}"


def _drop(server: Server, session: Session, name: str, oid: int) -> str:
    """Drop a role, if need be once nothing of ours is granted to it; says what is in the way, if it stays."""
    role = sql.Identifier(name)
    if not _held(session, role):
        return ""
    session.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    for row in session.execute(_TIED, [oid]).fetchall():
        found = look(session, row["datname"])
        if found is not None and found.owner is not None:
            _untie(server, session, role, row)
    return _held(session, role)


def _held(session: Session, role: sql.Identifier) -> str:
    try:
        session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
    except errors.LockNotAvailable:
        return "a transaction of somebody's holds it"
    except errors.DependentObjectsStillExist as error:
        return "; ".join((error.diag.message_detail or "something depends on it").splitlines())
    return ""


def _untie(server: Server, session: Session, role: sql.Identifier, row: DictRow) -> None:
    """Take away what is granted to a role on, or in, a database of ours; what cannot be is seen afterwards.

    Whose database it is may have seen to it that nobody gets in, or waits for ever.
    """
    if row["shared"]:
        revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM {} CASCADE")
        with contextlib.suppress(errors.InsufficientPrivilege, errors.LockNotAvailable):
            session.execute(revoke.format(sql.Identifier(row["datname"]), role))
        return
    what, version = f"take grants away in database/{row['datname']}", session.info.server_version
    with (
        contextlib.suppress(Failure),
        server.session(what, database=row["datname"], version=version) as inside,
    ):
        inside.execute(_PATIENCE)
        inside.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
