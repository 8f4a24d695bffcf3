"""Sets and notes the password of a branch's role.

Each is one round trip: the server itself compares the role's mark, with the role locked, and then writes.
"""

from psycopg import sql

from adapters.postgres.session import Session, Statement
from coppice.components.database import mark, mark_start
from coppice.environment.key import Key
from coppice.reconciler.errors import Conflict

_COMMENT = sql.SQL("(SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = {})")
# A role whose database another role owns is no branch's.
_OWNED = sql.SQL(
    """(coalesce(starts_with({comment}, {start}), false) AND NOT EXISTS (
        SELECT FROM pg_database d JOIN pg_roles r ON r.rolname = d.datname
        WHERE datname = {name} AND datdba <> r.oid))"""
)
_IF_OWNED = sql.SQL(
    """
    BEGIN
        IF NOT {owned} THEN RETURN; END IF;
        ALTER ROLE {role} INHERIT;  -- this changes nothing, and locks the role until the transaction ends
        IF NOT {owned} THEN RETURN; END IF;
        {change}
    END
    """
)


def set_password(session: Session, name: str, password: str, stamp: str, owner: Key) -> None:
    """Set the password of a role and let it log in.

    Args:
        session: a session.
        name: the role.
        password: the password.
        stamp: names this password, in the role's mark.
        owner: the branch that the role's mark names.

    Raises:
        Conflict: the role is not, or no longer, the branch's.
    """
    pending = mark(owner, pending=stamp)
    # The server is sent a SCRAM verifier, and never the password.
    verifier = sql.Literal(session.verifier(password, name))
    change = sql.SQL("ALTER ROLE {0} LOGIN PASSWORD {1}; COMMENT ON ROLE {0} IS {2};").format(
        sql.Identifier(name), verifier, sql.Literal(pending)
    )
    if _change_if_owned(session, name, owner, change) != pending:
        raise _not_owned(name)


def confirm(session: Session, name: str, stamp: str, owner: Key) -> None:
    """Mark the password as delivered, unless another was set since: then neither counts.

    Args:
        session: a session.
        name: the role.
        stamp: names the password.
        owner: the branch that the role's mark names.

    Raises:
        Conflict: the role is not, or no longer, the branch's, or another password was set since.
    """
    pending, delivered, neither = mark(owner, pending=stamp), mark(owner, stamp), mark(owner)
    change = sql.SQL(
        "IF {0} = {2} THEN COMMENT ON ROLE {1} IS {3}; ELSE COMMENT ON ROLE {1} IS {4}; END IF;"
    ).format(_comment(name), sql.Identifier(name), *map(sql.Literal, (pending, delivered, neither)))
    noted = _change_if_owned(session, name, owner, change)
    if noted == neither:
        raise Conflict(f"role/{name} was given another password while this one was delivered")
    if noted != delivered:
        raise _not_owned(name)


def _change_if_owned(session: Session, name: str, owner: Key, change: Statement) -> object:
    """Change a role if it is the branch's; returns its comment after that.

    Reading and changing are one transaction on the server. The role is locked before it is looked at for the
    second time, so nothing comes between; and it is looked at before it is locked, because that alters it.
    """
    role = sql.Identifier(name)
    owned = _OWNED.format(
        name=sql.Literal(name), comment=_comment(name), start=sql.Literal(mark_start(owner))
    )
    block = _IF_OWNED.format(role=role, owned=owned, change=change).as_string(session.connection)
    _, rows = session.execute(
        sql.SQL("DO {}").format(sql.Literal(block)), sql.SQL("SELECT {} AS comment").format(_comment(name))
    )
    return rows[0]["comment"]


def _comment(name: str) -> sql.Composed:
    return _COMMENT.format(sql.Literal(name))


def _not_owned(name: str) -> Conflict:
    return Conflict(f"role/{name} is no longer a branch's: it is gone, or its mark is")
