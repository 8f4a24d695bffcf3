"""What a branch can do with a role of its own keeps neither its neighbours from being removed nor itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from coppice.components.database import Database, Dropped
from coppice.environment.key import Key
from coppice.reconciler.errors import Forbidden
from tests.integration.adapters.postgres.stage import NAME, Stage

NEIGHBOUR = Key(repository="acme/todo", branch="feature/other")
OTHER = "feature_other"
GRANTS = {
    "on its database": "GRANT CONNECT, CREATE ON DATABASE feature_other TO feature_login WITH GRANT OPTION",
    "on a table": "CREATE TABLE t (i int); GRANT SELECT, INSERT ON t TO feature_login",
    "on a column": "CREATE TABLE t (i int); GRANT SELECT (i) ON t TO feature_login",
    "on a sequence": "CREATE SEQUENCE s; GRANT USAGE ON SEQUENCE s TO feature_login",
    "on a schema": "CREATE SCHEMA app; GRANT ALL ON SCHEMA app, public TO feature_login",
    "on a function": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    "GRANT EXECUTE ON FUNCTION f() TO feature_login",
    "on a type": "CREATE TYPE mood AS ENUM ('calm'); GRANT USAGE ON TYPE mood TO feature_login",
    "on a large object": "SELECT lo_create(7); GRANT SELECT ON LARGE OBJECT 7 TO feature_login",
    "by default": "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO feature_login",
    "by a policy": "CREATE TABLE t (i int); CREATE POLICY p ON t TO feature_login",
}


@contextmanager
def neighbour(stage: Stage, *statements: str) -> Iterator[Any]:
    """A neighbour that has made these statements, and is still signed in."""
    stage.make(NEIGHBOUR, OTHER)
    with stage.signed_in(OTHER) as session:
        for statement in statements:
            session.execute(statement.encode())
        yield session
        session.execute("ROLLBACK")
        stage.leave(session)


def left(stage: Stage) -> list[Any]:
    return [
        name
        for (name,) in stage.superuser.execute(
            "SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'coppice_left_')"
        )
    ]


@pytest.mark.parametrize("grant", GRANTS.values(), ids=GRANTS)
def test_a_neighbours_grants_do_not_keep_a_role_alive(stage: Stage, grant: str) -> None:
    stage.make()
    with neighbour(stage, grant):
        assert stage.drop() == Dropped()

    assert stage.reader.get(NAME) is None
    assert left(stage) == []
    assert stage.found(OTHER).finished


def test_a_neighbour_keeps_what_it_has_granted_to_others(stage: Stage) -> None:
    stage.make()
    stage.superuser.execute("CREATE ROLE reader")
    grant = "CREATE TABLE t (i int); INSERT INTO t VALUES (1); GRANT SELECT ON t TO feature_login, reader"
    with neighbour(stage, grant) as session:
        stage.drop()

        allowed = session.execute("SELECT has_table_privilege('reader', 't', 'SELECT'), i FROM t")
        assert allowed.fetchone() == (True, 1)


def test_what_a_role_made_in_a_neighbours_database_goes_with_it(stage: Stage) -> None:
    stage.make()
    with neighbour(
        stage, "GRANT CONNECT ON DATABASE feature_other TO feature_login", "CREATE SCHEMA shared",
        "GRANT ALL ON SCHEMA shared TO feature_login",
    ) as session:  # fmt: skip
        with stage.signed_in(NAME, OTHER) as branch:
            branch.execute("CREATE TABLE shared.t (i int)")
            stage.leave(branch)

        assert stage.drop() == Dropped()
        assert session.execute("SELECT to_regclass('shared.t')").fetchone() == (None,)

    assert stage.reader.get(NAME) is None
    assert left(stage) == []


def test_what_a_neighbour_built_on_what_a_role_made_stays_and_so_does_the_role_without_a_name(
    stage: Stage,
) -> None:
    made = stage.make()
    with neighbour(
        stage, "GRANT CONNECT ON DATABASE feature_other TO feature_login", "CREATE SCHEMA shared",
        "GRANT ALL ON SCHEMA shared TO feature_login",
    ) as session:  # fmt: skip
        with stage.signed_in(NAME, OTHER) as branch:
            branch.execute("CREATE TYPE shared.mood AS ENUM ('calm'); CREATE TABLE shared.t (i int)")
            branch.execute("GRANT SELECT ON shared.t TO feature_other")
            stage.leave(branch)
        session.execute("CREATE TABLE mine AS SELECT 1 AS i, 'calm'::shared.mood AS mood")
        session.execute("CREATE VIEW v AS SELECT * FROM shared.t")

        said = stage.drop().left

        assert session.execute("SELECT i, mood::text FROM mine").fetchone() == (1, "calm")
        assert session.execute("SELECT * FROM v").fetchall() == []
        nameless(stage, made)
        assert "others have built on what it owns in database/feature_other: " in said
        assert "view public.v depends on table shared.t" in said
        assert "CASCADE" not in said

        stage.drop()
        session.execute("DROP TABLE mine; DROP VIEW v")
    stage.make()
    assert stage.drop() == Dropped()
    assert left(stage) == []


def test_where_a_role_stays_for_what_is_not_ours_nothing_is_taken_from_it(stage: Stage) -> None:
    made = stage.make()
    for statement in (
        "CREATE DATABASE orders OWNER coppice_admin",
        "GRANT CONNECT ON DATABASE orders TO feature_login",
    ):
        stage.superuser.execute(statement)
    with neighbour(stage, GRANTS["on a table"]) as session:
        assert "privileges for database orders" in stage.drop().left
        nameless(stage, made)

        role = f"coppice_left_{made.role}"
        may = "SELECT has_table_privilege(%s, 't', 'SELECT'), has_database_privilege(%s, 'orders', 'CONNECT')"
        assert session.execute(may, [role, role]).fetchone() == (True, True)


@pytest.mark.parametrize(
    "obstacle",
    [
        "ALTER DATABASE feature_other SET local_preload_libraries = 'nowhere'",
        "ALTER DATABASE feature_other SET default_transaction_read_only = on",
        "ALTER DATABASE feature_other SET role = 'feature_other'",
        "ALTER DATABASE feature_other SET search_path = evil",
        "ALTER DATABASE feature_other SET idle_session_timeout = 1",
        "ALTER DATABASE feature_other SET lock_timeout = 1",
        "ALTER DATABASE feature_other SET client_encoding = 'SQL_ASCII'",
    ],
)
def test_nothing_that_a_neighbour_sets_on_its_database_protects_its_grants(
    stage: Stage, obstacle: str
) -> None:
    stage.make()
    with neighbour(stage, GRANTS["on a table"], obstacle):
        assert stage.drop() == Dropped()

    assert left(stage) == []


def nameless(stage: Stage, made: Database) -> None:
    """The branch's role is gone by name, cannot sign in, and a new branch of that name starts afresh."""
    assert stage.reader.get(NAME) is None
    assert left(stage) == [f"coppice_left_{made.role}"]
    assert stage.value("SELECT rolcanlogin FROM pg_roles WHERE oid = %s", made.role) is False
    assert stage.value("SELECT rolpassword IS NULL FROM pg_authid WHERE oid = %s", made.role) is True
    assert stage.make().finished


def test_where_a_neighbour_lets_nobody_in_the_role_stays_without_a_name_until_it_does(stage: Stage) -> None:
    made = stage.make()
    with neighbour(stage, GRANTS["on a table"], "ALTER DATABASE feature_other CONNECTION LIMIT 0"):
        said = stage.drop().left
        nameless(stage, made)
    stage.writer.create(stage.change(NEIGHBOUR, OTHER))

    assert said.startswith(
        f"its role stays behind as coppice_left_{made.role}, without a login: "
        "1 object in database feature_other; the PostgreSQL server "
    )
    assert said.endswith(': FATAL: too many connections for database "feature_other"')

    assert stage.drop() == Dropped()
    assert left(stage) == []


@pytest.mark.timeout(30)
def test_a_grant_that_is_never_committed_holds_nothing_up(stage: Stage) -> None:
    made = stage.make()
    with neighbour(stage, "BEGIN", "GRANT CONNECT ON DATABASE feature_other TO feature_login"):
        assert "a transaction that has not ended holds it" in stage.drop().left
        nameless(stage, made)

    assert stage.drop() == Dropped()
    assert left(stage) == []


def test_what_a_branch_made_in_a_database_that_is_not_ours_is_not_touched(stage: Stage) -> None:
    made = stage.make()
    with stage.signed_in(NAME, "postgres") as branch:
        branch.execute("SELECT lo_create(4711)")
        stage.leave(branch)
    try:
        assert "owner of large object 4711" in stage.drop().left
        nameless(stage, made)
        assert stage.value("SELECT count(*) FROM pg_largeobject_metadata WHERE oid = 4711") == 1
    finally:
        stage.superuser.execute("SELECT lo_unlink(4711)")


@pytest.mark.parametrize("database", [NAME, OTHER, "postgres"])
def test_a_transaction_that_was_prepared_and_forgotten_holds_nothing(stage: Stage, database: str) -> None:
    stage.make()
    with neighbour(stage, "GRANT CONNECT ON DATABASE feature_other TO feature_login"):
        with stage.signed_in(NAME, database) as branch:
            branch.execute("BEGIN; SELECT lo_create(815); PREPARE TRANSACTION 'it''s mine'")
            stage.leave(branch)

        assert stage.drop() == Dropped()

    assert stage.reader.get(NAME) is None
    assert stage.value("SELECT count(*) FROM pg_prepared_xacts") == 0


def test_a_transaction_that_cannot_be_rolled_back_is_said_with_the_reason(stage: Stage) -> None:
    stage.make()
    with stage.inside(NAME) as superuser:
        superuser.execute("BEGIN; SELECT lo_create(816); PREPARE TRANSACTION 'a superuser''s'")
        stage.leave(superuser)

    with pytest.raises(Forbidden, match="did not roll back what is prepared in database/feature_login: "):
        stage.drop()
    assert stage.value("SELECT datallowconn FROM pg_database WHERE datname = %s", NAME) is False

    stage.superuser.execute("ALTER DATABASE feature_login ALLOW_CONNECTIONS true")
    with stage.inside(NAME) as superuser:
        superuser.execute("ROLLBACK PREPARED 'a superuser''s'")
        stage.leave(superuser)
    assert stage.drop() == Dropped()


REFUSED = [
    "GRANT feature_login TO feature_other",
    "GRANT feature_other TO feature_login",
    "REVOKE feature_other FROM coppice_admin",
    "REASSIGN OWNED BY feature_other TO feature_login",
    "ALTER DATABASE feature_other OWNER TO feature_login",
    "ALTER DATABASE feature_other RENAME TO feature_x",
    "ALTER DATABASE feature_login IS_TEMPLATE true",
    "CREATE DATABASE x OWNER feature_login",
    "CREATE DATABASE x TEMPLATE feature_login",
    "CREATE ROLE x",
    "DROP ROLE feature_login",
    "ALTER ROLE feature_other CONNECTION LIMIT 99",
    "ALTER ROLE feature_other NOLOGIN",
    "ALTER ROLE feature_login SET search_path = x",
    "ALTER ROLE coppice_admin IN DATABASE feature_other SET search_path = x",
    "ALTER ROLE ALL SET search_path = x",
    "ALTER ROLE feature_login PASSWORD 'x'",
    "COMMENT ON ROLE feature_other IS 'x'",
    "COMMENT ON ROLE feature_login IS 'x'",
    "COMMENT ON DATABASE feature_login IS 'x'",
    "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE TABLESPACE x LOCATION '/tmp'",
    "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false)",
    "SELECT pg_create_logical_replication_slot('s', 'pgoutput')",
    "SELECT pg_create_physical_replication_slot('s')",
    "ALTER SYSTEM SET work_mem = '1MB'",
    "GRANT SET ON PARAMETER work_mem TO feature_login",
    "ALTER DATABASE feature_other SET session_preload_libraries = 'x'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT rolpassword FROM pg_authid",
]


def test_what_would_reach_beyond_its_own_database_is_refused(stage: Stage) -> None:
    stage.make()
    with neighbour(stage) as session:
        for statement in REFUSED:
            with pytest.raises(psycopg.Error) as refused:
                session.execute(statement.encode())
            assert isinstance(refused.value, psycopg.errors.InsufficientPrivilege), statement


def test_locks_and_notes_of_a_neighbour_hold_nothing_up(stage: Stage) -> None:
    stage.make()
    with neighbour(
        stage,
        "BEGIN",
        "LOCK TABLE pg_catalog.pg_database, pg_catalog.pg_roles IN ACCESS SHARE MODE",
        "SELECT pg_advisory_lock(1)",
        "LISTEN x",
    ):
        assert stage.drop() == Dropped()
