"""Checks whether a template can be copied, before anything is created, so that what is refused leaves nothing
behind.

The check does not connect to the template: with a session on it, it could not be copied. The owners of its
objects are in a catalog that all databases share.
"""

from collections.abc import Iterable

from psycopg import sql

from adapters.postgres.client import Session
from coppice.reconciler.errors import Conflict, Forbidden, NotSetUp

PLAIN = "template1"  # what PostgreSQL copies by default
_TEMPLATE = """
    SELECT d.oid, r.rolname AS owner, r.rolsuper AS super,
           d.datistemplate OR pg_has_role(d.datdba, 'USAGE') AS copied
    FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = %s
"""
_OWNERS = """
    SELECT DISTINCT r.rolname FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
    WHERE s.dbid = %s AND s.deptype = 'o' AND s.refclassid = 'pg_authid'::regclass
      AND s.classid = ANY ('{pg_class,pg_proc,pg_type,pg_namespace,pg_statistic_ext,pg_ts_config,pg_ts_dict,
                             pg_collation,pg_largeobject}'::regclass[])
      AND NOT r.rolsuper AND NOT pg_has_role(r.oid, 'USAGE')
"""
# Most databases have no version: then the comparison is NULL, and there is no row.
_COLLATION = """
    SELECT datcollversion AS made, pg_database_collation_actual_version(oid) AS now
    FROM pg_database WHERE oid = %s AND datcollversion <> pg_database_collation_actual_version(oid)
"""
_REFRESH = sql.SQL("REINDEX DATABASE {0}; ALTER DATABASE {0} REFRESH COLLATION VERSION;")
_COLLATION_SINCE = 150000
_SESSIONS = """
    SELECT usename, application_name, host(client_addr) AS place, count(*) AS number
    FROM pg_stat_activity WHERE datname = %s AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
    GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1
"""


def check(session: Session, template: str) -> None:
    """Check that a template can be copied and handed over.

    Args:
        session: a session in another database.
        template: its name.

    Raises:
        Conflict: it is in use; the message names by whom.
        Forbidden: a grant is missing; the message names it.
        NotSetUp: there is no such template, or its collation has another version than the server's.
    """
    row = session.execute(_TEMPLATE, [template]).fetchone()
    if row is None:
        raise NotSetUp(f"DATABASE_TEMPLATE names {template!r}, and the server has no such database")
    _check_collation(session, template, row["oid"])
    missing = {each["rolname"] for each in session.execute(_OWNERS, [row["oid"]])}
    if not row["copied"] and row["super"]:
        mend = sql.SQL("ALTER DATABASE {} IS_TEMPLATE true;").format(sql.Identifier(template))
        raise Forbidden(f"database {template} is no template. Run as its owner: {mend.as_string(session)}")
    if not row["copied"]:
        missing.add(row["owner"])
    if missing:
        raise ungranted(session, missing, f"copy database {template} and hand over what is in it")
    _check_unused(session, template)


def _check_collation(session: Session, template: str, oid: int) -> None:
    """PostgreSQL does not copy a database whose collation has another version than the server's."""
    if session.info.server_version < _COLLATION_SINCE:
        return
    row = session.execute(_COLLATION, [oid]).fetchone()
    if row is None:
        return
    raise NotSetUp(
        f"database {template} was made with version {row['made']} of its collation, the server has "
        f"{row['now']}, and copies no such database. Run as its owner, in it: "
        f"{_REFRESH.format(sql.Identifier(template)).as_string(session)}"
    )


def _check_unused(session: Session, template: str) -> None:
    users = [
        f"{row['usename']} ({', '.join(part for part in (row['application_name'], row['place']) if part)})"
        f" in {row['number']} session{'s' if row['number'] > 1 else ''}"
        for row in session.execute(_SESSIONS, [template])
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
    user = session.info.user
    grant = sql.SQL("GRANT {} TO {};").format(
        sql.SQL(", ").join(map(sql.Identifier, sorted(roles))), sql.Identifier(user)
    )
    return Forbidden(f"{user} may not {purpose}. Run as an administrator: {grant.as_string(session)}")
