"""Gives the objects of a copied template to the branch's role. The copy keeps their owners, so the branch's
role could not even read them.

Objects are altered one by one, because `REASSIGN OWNED` would reassign the template database too. Objects of
extensions and of superusers keep their owners. So do operators, servers, publications and the like: nobody
has to own them to use or alter a table. Grants to other roles stay.
"""

from psycopg import sql
from psycopg.rows import DictRow

from adapters.postgres.session import Session, Statement
from adapters.postgres.template import ungranted
from coppice.reconciler.errors import Rejected

_SHOWN = 5
# A statement locks its object until the end of the transaction, a table with its indexes, and a server has
# room for some thousand locks: https://www.postgresql.org/docs/current/runtime-config-locks.html
_AT_ONCE = 100
# A superuser owns `public` in a database from before PostgreSQL 15, or restored from one.
_PUBLIC = sql.SQL(
    """
    SELECT n.oid FROM pg_namespace n JOIN pg_roles r ON r.oid = nspowner
    WHERE nspname = 'public' AND rolsuper AND NOT has_schema_privilege({}, n.oid, 'CREATE')
    """
)

_ALTER = {
    "schema": sql.SQL("ALTER SCHEMA {} OWNER TO {}"),
    "table": sql.SQL("ALTER TABLE {} OWNER TO {}"),  # and views, sequences, foreign tables
    "type": sql.SQL("ALTER TYPE {} OWNER TO {}"),
    "statistics": sql.SQL("ALTER STATISTICS {} OWNER TO {}"),
    "configuration": sql.SQL("ALTER TEXT SEARCH CONFIGURATION {} OWNER TO {}"),
    "dictionary": sql.SQL("ALTER TEXT SEARCH DICTIONARY {} OWNER TO {}"),
    "collation": sql.SQL("ALTER COLLATION {} OWNER TO {}"),
}
_ALTER_ROUTINE = sql.SQL("ALTER ROUTINE {} ({}) OWNER TO {}")
_ALTER_LARGE_OBJECT = sql.SQL("ALTER LARGE OBJECT {} OWNER TO {}")

# Objects below 16384 are in every database. The owner `pg_database_owner` is whoever owns the database.
_OBJECTS = sql.SQL(
    """
    WITH places AS (
        SELECT oid AS schema, nspname FROM pg_namespace WHERE NOT starts_with(nspname, 'pg_')
    ), objects (class, oid, kind, place, arguments, owner) AS (
        SELECT 'pg_namespace'::regclass, oid, 'schema', ARRAY[nspname]::text[], NULL::text[], nspowner
        FROM pg_namespace WHERE (oid >= 16384 OR nspname = 'public') AND NOT starts_with(nspname, 'pg_')
      UNION ALL
        SELECT 'pg_class'::regclass, c.oid, 'table', ARRAY[nspname, relname], NULL, relowner
        FROM pg_class c JOIN places ON schema = relnamespace
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT (relkind = 'S' AND EXISTS (
            SELECT FROM pg_depend  -- a column's sequence follows its table
            WHERE classid = 'pg_class'::regclass AND objid = c.oid AND refobjsubid > 0
              AND deptype IN ('a', 'i')))
      UNION ALL
        SELECT 'pg_proc'::regclass, p.oid, 'routine', ARRAY[nspname, proname], ARRAY(
            SELECT ARRAY[s.nspname, t.typname]::text[]
            FROM unnest(proargtypes) WITH ORDINALITY argument (type, number)
                JOIN pg_type t ON t.oid = argument.type JOIN pg_namespace s ON s.oid = t.typnamespace
            ORDER BY number), proowner
        FROM pg_proc p JOIN places ON schema = pronamespace
      UNION ALL
        SELECT 'pg_type'::regclass, t.oid, 'type', ARRAY[nspname, typname], NULL, typowner
        FROM pg_type t JOIN places ON schema = typnamespace
        WHERE (typtype IN ('b', 'd', 'e', 'r')
               OR EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND relkind = 'c'))
          AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
      UNION ALL
        SELECT 'pg_statistic_ext'::regclass, s.oid, 'statistics', ARRAY[nspname, stxname], NULL, stxowner
        FROM pg_statistic_ext s JOIN places ON schema = stxnamespace
      UNION ALL
        SELECT 'pg_ts_config'::regclass, c.oid, 'configuration', ARRAY[nspname, cfgname], NULL, cfgowner
        FROM pg_ts_config c JOIN places ON schema = cfgnamespace
      UNION ALL
        SELECT 'pg_ts_dict'::regclass, d.oid, 'dictionary', ARRAY[nspname, dictname], NULL, dictowner
        FROM pg_ts_dict d JOIN places ON schema = dictnamespace
      UNION ALL
        SELECT 'pg_collation'::regclass, c.oid, 'collation', ARRAY[nspname, collname], NULL, collowner
        FROM pg_collation c JOIN places ON schema = collnamespace
      UNION ALL
        SELECT 'pg_largeobject'::regclass, oid, 'large object', ARRAY[oid::text], NULL, lomowner
        FROM pg_largeobject_metadata
    )
    SELECT kind, place, arguments, rolname AS owner, rolsuper AS super, pg_has_role(r.oid, 'USAGE') AS ours
    FROM objects o JOIN pg_roles r ON r.oid = owner
    WHERE (o.oid >= 16384 OR kind = 'schema') AND rolname NOT IN ({}, 'pg_database_owner')
      AND (kind = 'table' OR NOT rolsuper)
      AND NOT EXISTS (
          SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = o.oid AND d.deptype = 'e')
    ORDER BY kind <> 'schema', kind, place
    """
)


def hand_over(session: Session, role: str, finish: Statement) -> None:
    """Make a role the owner of the objects in a database.

    Args:
        session: a session in that database.
        role: the role, which has to own the database.
        finish: a statement that is executed with the last of these: if they fail, so does it.

    Raises:
        Forbidden: a grant is missing; the message names it.
        Rejected: a superuser owns a table or the schema `public`, and we may not alter it.
    """
    name = sql.Literal(role)
    objects, closed = session.execute(_OBJECTS.format(name), _PUBLIC.format(name))
    unreachable = [".".join(each["place"]) for each in objects if each["super"]]
    if unreachable:
        more = f" and {len(unreachable) - _SHOWN} more" if len(unreachable) > _SHOWN else ""
        raise Rejected(
            f"tables of the template belong to a superuser: {', '.join(unreachable[:_SHOWN])}{more}. In the "
            "template, give them to a plain role: ALTER TABLE … OWNER TO …"
        )
    if closed:
        raise Rejected(
            "the template's schema public belongs to a superuser, and nobody else may create anything in it. "
            "In the template, as a superuser: ALTER SCHEMA public OWNER TO pg_database_owner"
        )
    foreign = {each["owner"] for each in objects if not each["ours"]}
    if foreign:
        raise ungranted(session, foreign, f"hand over what is in database {session.database}")
    statements = (*(_statement(each, role) for each in objects), finish)
    for first in range(0, len(statements), _AT_ONCE):
        session.execute(*statements[first : first + _AT_ONCE])


def _statement(each: DictRow, role: str) -> sql.Composed:
    owner = sql.Identifier(role)
    if each["kind"] == "large object":
        return _ALTER_LARGE_OBJECT.format(sql.Literal(int(each["place"][0])), owner)
    place = sql.Identifier(*each["place"])
    if each["kind"] == "routine":
        arguments = sql.SQL(", ").join(sql.Identifier(*type_) for type_ in each["arguments"])
        return _ALTER_ROUTINE.format(place, arguments, owner)
    return _ALTER[each["kind"]].format(place, owner)
