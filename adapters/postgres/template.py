"""Checks whether a template can be copied, before anything is created, so that what is refused leaves nothing
behind.

The check does not connect to the template: with a session on it, it could not be copied. The owners of its
objects are in a catalog that all databases share.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from psycopg import sql
from psycopg.rows import DictRow

from adapters.postgres.session import Session
from coppice.reconciler.errors import Conflict, Forbidden, NotSetUp

Rows: TypeAlias = Sequence[DictRow]

_TEMPLATE = sql.SQL(
    """
    SELECT r.rolname AS owner, r.rolsuper AS super,
           d.datistemplate OR pg_has_role(d.datdba, 'USAGE') AS copied
    FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = {}
    """
)
_OWNERS = sql.SQL(
    """
    SELECT DISTINCT r.rolname FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
    WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = {})
      AND s.deptype = 'o' AND s.refclassid = 'pg_authid'::regclass
      AND s.classid = ANY ('{{pg_class,pg_proc,pg_type,pg_namespace,pg_statistic_ext,pg_ts_config,pg_ts_dict,
                             pg_collation,pg_largeobject}}'::regclass[])
      AND NOT r.rolsuper AND NOT pg_has_role(r.oid, 'USAGE')
    """
)
# Most databases have no version: then the comparison is NULL, and there is no row.
_COLLATION = sql.SQL(
    """
    SELECT datcollversion AS made, pg_database_collation_actual_version(oid) AS now
    FROM pg_database WHERE datname = {} AND datcollversion <> pg_database_collation_actual_version(oid)
    """
)
_REFRESH = sql.SQL("REINDEX DATABASE {0}; ALTER DATABASE {0} REFRESH COLLATION VERSION;")
_COLLATION_SINCE = 150000
_SESSIONS = sql.SQL(
    """
    SELECT usename, application_name, host(client_addr) AS place, count(*) AS number
    FROM pg_stat_activity WHERE datname = {} AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
    GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1
    """
)


def queries(session: Session, template: str) -> tuple[sql.Composed, ...]:
    """Build the queries about a template.

    Args:
        session: a session in another database.
        template: its name.

    Returns:
        The queries, whose rows `check` judges.
    """
    # PostgreSQL copies no database whose collation has another version than the server's.
    since = (_COLLATION,) if session.version >= _COLLATION_SINCE else ()
    return tuple(each.format(sql.Literal(template)) for each in (_TEMPLATE, _OWNERS, _SESSIONS, *since))


def check(session: Session, template: str, answers: Sequence[Rows]) -> None:
    """Check that a template can be copied and handed over.

    Args:
        session: the session.
        template: its name.
        answers: the rows of `queries`.

    Raises:
        Conflict: it is in use; the message names by whom.
        Forbidden: a grant is missing; the message names it.
        NotSetUp: there is no such template, or its collation has another version than the server's.
    """
    found, owners, users, *collations = answers
    if not found:
        raise NotSetUp(f"DATABASE_TEMPLATE names {template!r}, and the server has no such database")
    for rows in collations:
        _check_collation(template, rows)
    row, missing = found[0], {each["rolname"] for each in owners}
    if not row["copied"] and row["super"]:
        mend = sql.SQL("ALTER DATABASE {} IS_TEMPLATE true;").format(sql.Identifier(template))
        raise Forbidden(f"database {template} is no template. Run as its owner: {mend.as_string()}")
    if not row["copied"]:
        missing.add(row["owner"])
    if missing:
        raise ungranted(session, missing, f"copy database {template} and hand over what is in it")
    _check_unused(template, users)


def _check_collation(template: str, rows: Rows) -> None:
    if not rows:
        return
    raise NotSetUp(
        f"database {template} was made with version {rows[0]['made']} of its collation, the server has "
        f"{rows[0]['now']}, and copies no such database. Run as its owner, in it: "
        f"{_REFRESH.format(sql.Identifier(template)).as_string()}"
    )


def _check_unused(template: str, rows: Rows) -> None:
    users = [
        f"{row['usename']} ({', '.join(part for part in (row['application_name'], row['place']) if part)})"
        f" in {row['number']} session{'s' if row['number'] > 1 else ''}"
        for row in rows
    ]
    if users:
        raise Conflict(
            f"database {template} cannot be copied while it is in use: by {'; '.join(users)}", retry_after=30
        )


def ungranted(session: Session, roles: Iterable[str], purpose: str) -> Forbidden:
    """Make the error about missing grants.

    Args:
        session: the session.
        roles: the roles that its user has to be a member of.
        purpose: what they are needed for.

    Returns:
        The error, with the statement to run.
    """
    user = session.user
    grant = sql.SQL("GRANT {} TO {};").format(
        sql.SQL(", ").join(map(sql.Identifier, sorted(roles))), sql.Identifier(user)
    )
    return Forbidden(f"{user} may not {purpose}. Run as an administrator: {grant.as_string()}")
