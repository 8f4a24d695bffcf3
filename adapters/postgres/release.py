"""Drop a role, whatever others have granted to it.

Whoever owns a database or a table may grant it to any role, and PostgreSQL drops no role to which something
is granted. So a branch could keep its neighbour from being removed. In databases of ours its grants are taken
away, with those that it passed on, and what it owns there is dropped; but nothing of a neighbour's is. Where
something of a neighbour's is built on it, or where a database is not ours, the role stays: under a name that
nobody asks for and without a login. It is tried again whenever a role is dropped.
"""

from psycopg import errors, sql
from psycopg.rows import DictRow

from adapters.postgres.client import Server, Session
from adapters.postgres.reader import look
from coppice.reconciler.errors import Failure

_LEFT_PREFIX = "coppice_left_"
_NOTE = "Coppice could not drop it: "
_RETRIED_ROLES = 5  # roles that were left are tried again with each drop, so that a drop stays short
# A grant that is not committed yet holds the role, and its transaction may never end.
_LOCK_TIMEOUT = sql.SQL("SET lock_timeout = '1s'")
# Of what all databases share, such as a tablespace, there is no name.
_DEPENDENT_DATABASES = """
    SELECT DISTINCT datname, s.dbid = 0 AS shared FROM pg_shdepend s
        LEFT JOIN pg_database d ON CASE WHEN s.dbid <> 0 THEN d.oid = s.dbid
                                        ELSE d.oid = s.objid AND classid = 'pg_database'::regclass END
    WHERE refclassid = 'pg_authid'::regclass AND refobjid = %s
    ORDER BY 2, 1
"""
_LEFT_ROLES = """
    SELECT rolname, oid FROM pg_roles
    WHERE starts_with(rolname, %s) AND NOT rolcanlogin
      AND starts_with(shobj_description(oid, 'pg_authid'), %s)
    ORDER BY random() LIMIT %s
"""
_STILL_HELD = (errors.DependentObjectsStillExist, errors.LockNotAvailable)


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
    session.execute(_LOCK_TIMEOUT)
    for row in session.execute(_LEFT_ROLES, [_LEFT_PREFIX, _NOTE, _RETRIED_ROLES]).fetchall():
        _drop_role(server, session, row["rolname"], row["oid"])
    why = _drop_role(server, session, name, oid)
    if not why:
        return ""
    left, role = f"{_LEFT_PREFIX}{oid}", sql.Identifier(name)
    with session.transaction():  # a role without its mark and with its old name would be in the way for ever
        note = sql.Literal(f"{_NOTE}{why}. It was {name}")
        session.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, note))
        session.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(role))
        session.execute(sql.SQL("ALTER ROLE {} RENAME TO {}").format(role, sql.Identifier(left)))
    return f"its role stays behind as {left}, without a login: {why}"


def _drop_role(server: Server, session: Session, name: str, oid: int) -> str:
    """Drop a role, if need be once nothing of ours is granted to it; says what is in the way, if it stays.

    DROP OWNED also takes away what is granted on other databases. So where one is not ours, none is touched:
    the role stays anyway.
    """
    role = sql.Identifier(name)
    why = _try_drop(session, role)
    if not why:
        return ""
    tied = session.execute(_DEPENDENT_DATABASES, [oid]).fetchall()
    if not all(row["datname"] is not None and _ours(session, row["datname"]) for row in tied):
        return why
    session.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    failed = [said for row in tied if (said := _revoke_grants(server, session, role, row))]
    why = _try_drop(session, role)
    return why and "; ".join([why, *failed])


def _ours(session: Session, database: str) -> bool:
    found = look(session, database)
    return found is not None and found.owner is not None


def _try_drop(session: Session, role: sql.Identifier) -> str:
    try:
        session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
    except errors.LockNotAvailable:
        return "a transaction that has not ended holds it"
    except errors.DependentObjectsStillExist as error:
        return _detail(error)
    return ""


def _detail(error: errors.Error) -> str:
    return "; ".join((error.diag.message_detail or "something depends on it").splitlines())


def _revoke_grants(server: Server, session: Session, role: sql.Identifier, row: DictRow) -> str:
    """Take away what is granted to a role on, or in, a database of ours; says why, if that cannot be done.

    Whose database it is may have seen to it that nobody gets in, or waits for ever.
    """
    what = f"take grants away in database/{row['datname']}"
    if row["shared"]:
        revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM {} CASCADE")
        try:
            session.execute(revoke.format(sql.Identifier(row["datname"]), role))
        except (errors.InsufficientPrivilege, errors.LockNotAvailable) as error:
            return f"the PostgreSQL server did not {what}: {error.diag.message_primary}"
        return ""
    try:
        with server.session(what, database=row["datname"], version=session.info.server_version) as inside:
            inside.execute(_LOCK_TIMEOUT)
            try:
                # CASCADE would drop a neighbour's views and columns that are built on what this role owns.
                inside.execute(sql.SQL("DROP OWNED BY {} RESTRICT").format(role))
            except errors.DependentObjectsStillExist as error:
                return f"others have built on what it owns in database/{row['datname']}: {_detail(error)}"
    except Failure as failure:
        return failure.message
    return ""
