"""Drops a role, also if others have granted something to it.

The owner of a database or table may grant privileges on it to any role, and PostgreSQL drops no role that has
privileges. So one branch could keep another from being removed. In databases of ours the role's privileges
are revoked, with those that it passed on, and what it owns there is dropped; nothing of a neighbour's is.
Where something of a neighbour's depends on it, or where a database is not ours, the role is renamed, loses
its login, and stays. Each later drop tries to drop it again.
"""

from collections.abc import Sequence

from psycopg import errors, sql
from psycopg.rows import DictRow

from adapters.postgres.client import Server
from adapters.postgres.reader import look
from adapters.postgres.session import Session
from coppice.reconciler.errors import Failure

_LEFT_PREFIX = "coppice_left_"
_NOTE = "Coppice could not drop it: "
_RETRIED_ROLES = 5  # how many roles that stayed a drop tries again, so that it stays short
# An uncommitted grant locks the role, and its transaction may never end.
_LOCK_TIMEOUT = sql.SQL("SET LOCAL lock_timeout = '1s'")
# Of what all databases share, such as a tablespace, there is no name.
_DEPENDENT_DATABASES = sql.SQL(
    """
    SELECT DISTINCT datname, s.dbid = 0 AS shared FROM pg_shdepend s
        LEFT JOIN pg_database d ON CASE WHEN s.dbid <> 0 THEN d.oid = s.dbid
                                        ELSE d.oid = s.objid AND classid = 'pg_database'::regclass END
    WHERE refclassid = 'pg_authid'::regclass AND refobjid = {}
    ORDER BY 2, 1
    """
)
LEFT_ROLES = sql.SQL(
    """
    SELECT rolname, oid FROM pg_roles
    WHERE starts_with(rolname, {}) AND NOT rolcanlogin
      AND starts_with(shobj_description(oid, 'pg_authid'), {})
    ORDER BY random() LIMIT {}
    """
).format(sql.Literal(_LEFT_PREFIX), sql.Literal(_NOTE), sql.Literal(_RETRIED_ROLES))
"""The query for a few roles that stayed behind earlier."""
_STILL_HELD = (errors.DependentObjectsStillExist, errors.LockNotAvailable)


def release(server: Server, session: Session, name: str, oid: int, left: Sequence[DictRow]) -> str:
    """Drop a branch's role, and those that stayed behind earlier.

    Args:
        server: the server.
        session: a session on it.
        name: the role; its database is gone.
        oid: the role's oid.
        left: the rows of `LEFT_ROLES`.

    Returns:
        What stays behind, and why; empty if nothing does.

    Raises:
        Failure: the server refused, or did not answer.
    """
    for row in left:
        _drop_role(server, session, row["rolname"], row["oid"])
    why = _drop_role(server, session, name, oid)
    if not why:
        return ""
    stays, role = f"{_LEFT_PREFIX}{oid}", sql.Identifier(name)
    # Without its mark and with its old name, a role would block the name for ever.
    session.execute(
        sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(f"{_NOTE}{why}. It was {name}")),
        sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(role),
        sql.SQL("ALTER ROLE {} RENAME TO {}").format(role, sql.Identifier(stays)),
    )
    return f"its role stays behind as {stays}, without a login: {why}"


def _drop_role(server: Server, session: Session, name: str, oid: int) -> str:
    """Drop a role; if that fails, revoke its privileges and try again. Returns why it stays, if it does.

    DROP OWNED also revokes privileges on other databases. So where one is not ours, none is touched: the role
    stays anyway.
    """
    role = sql.Identifier(name)
    why = _try_drop(session, role)
    if not why:
        return ""
    (tied,) = session.execute(_DEPENDENT_DATABASES.format(sql.Literal(oid)))
    if not all(row["datname"] is not None and _ours(session, row["datname"]) for row in tied):
        return why
    session.execute(_LOCK_TIMEOUT, sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    failed = [said for row in tied if (said := _revoke_grants(server, session, role, row))]
    why = _try_drop(session, role)
    return why and "; ".join([why, *failed])


def _ours(session: Session, database: str) -> bool:
    found = look(session, database)
    return found is not None and found.owner is not None


def _try_drop(session: Session, role: sql.Identifier) -> str:
    try:
        session.execute(_LOCK_TIMEOUT, sql.SQL("DROP ROLE IF EXISTS {}").format(role))
    except errors.LockNotAvailable:
        return "a transaction that has not ended holds it"
    except errors.DependentObjectsStillExist as error:
        return _detail(error)
    return ""


def _detail(error: errors.Error) -> str:
    return "; ".join((error.diag.message_detail or "something depends on it").splitlines())


def _revoke_grants(server: Server, session: Session, role: sql.Identifier, row: DictRow) -> str:
    """Revoke the privileges of a role on a database of ours, or in it; says why, if that cannot be done.

    The owner of the database may have prevented connections, or hold locks. So an attempt may fail; the next
    drop says what is left.
    """
    what = f"take grants away in database/{row['datname']}"
    if row["shared"]:
        revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM {} CASCADE")
        try:
            session.execute(_LOCK_TIMEOUT, revoke.format(sql.Identifier(row["datname"]), role))
        except (errors.InsufficientPrivilege, errors.LockNotAvailable) as error:
            return f"the PostgreSQL server did not {what}: {error.diag.message_primary}"
        return ""
    try:
        with server.session(what, database=row["datname"], version=session.version) as inside:
            try:
                # CASCADE would drop a neighbour's views and columns that are built on what this role owns.
                inside.execute(_LOCK_TIMEOUT, sql.SQL("DROP OWNED BY {} RESTRICT").format(role))
            except errors.DependentObjectsStillExist as error:
                return f"others have built on what it owns in database/{row['datname']}: {_detail(error)}"
    except Failure as failure:
        return failure.message
    return ""
