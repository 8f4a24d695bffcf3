"""A neighbour that has granted a branch something does not keep it: each way was tried on the real server."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from branches.database import Dropped
from branches.key import Key
from tests.adapters.postgres.stage import NAME, Stage

EVIL = "feature_evil"


@pytest.fixture(autouse=True)
def evil(stage: Stage) -> None:
    stage.make()
    stage.make(Key(repository="acme/todo", branch="feature/evil"), EVIL)


def does(stage: Stage, *statements: str) -> None:
    """The neighbour does something in its own database."""
    with stage.signed_in(EVIL) as session:
        for each in statements:
            session.execute(each)
        stage.leave(session)


@contextmanager
def about_to(stage: Stage, statement: str) -> Iterator[None]:
    """The neighbour has begun something and does not come to an end."""
    with stage.signed_in(EVIL) as session:
        session.execute("BEGIN")
        session.execute(statement)
        yield
        session.execute("ROLLBACK")
        stage.leave(session)


def names(stage: Stage, like: str) -> list[str]:
    rows = stage.superuser.execute("SELECT rolname FROM pg_roles WHERE rolname ~ %s", [like]).fetchall()
    return [name for (name,) in rows]


@pytest.mark.parametrize(
    "statements",
    [
        ["GRANT CONNECT ON DATABASE feature_evil TO feature_login"],
        ["CREATE TABLE t (i int)", "GRANT SELECT ON t TO feature_login"],
        ["CREATE TABLE t (i int)", "GRANT SELECT (i) ON t TO feature_login"],
        ["CREATE SCHEMA s", "GRANT CREATE ON SCHEMA s TO feature_login"],
        ["ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO feature_login"],
        ["CREATE TABLE t (i int)", "CREATE POLICY p ON t TO feature_login"],
        ["SELECT lo_create(4711)", "GRANT SELECT ON LARGE OBJECT 4711 TO feature_login"],
        [
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1",
            "GRANT ALL ON FUNCTION f() TO feature_login",
        ],
        ["CREATE TYPE y AS ENUM ('a')", "GRANT USAGE ON TYPE y TO feature_login"],
        ["CREATE SEQUENCE q", "GRANT ALL ON SEQUENCE q TO feature_login"],
        [
            "ALTER DATABASE feature_evil SET role = feature_evil",
            "ALTER DATABASE feature_evil SET default_transaction_read_only = on",
            "ALTER DATABASE feature_evil SET lock_timeout = 1",
            "GRANT CONNECT ON DATABASE feature_evil TO feature_login",
        ],
    ],
    ids=lambda statements: statements[-1],
)
def test_what_a_neighbour_has_granted_is_taken_away(stage: Stage, statements: list[str]) -> None:
    neighbour = stage.found(EVIL)
    does(stage, *statements)

    assert stage.drop() == Dropped()

    assert stage.reader.get(NAME) is None
    assert names(stage, "left") == []
    assert stage.found(EVIL) == neighbour


def test_what_the_branch_has_made_at_its_neighbours_goes_with_it(stage: Stage) -> None:
    does(stage, "GRANT CONNECT, CREATE ON DATABASE feature_evil TO feature_login")
    with stage.signed_in(NAME, EVIL) as session:
        session.execute("CREATE SCHEMA mine CREATE TABLE t (i int)")
        stage.leave(session)

    assert stage.drop() == Dropped()

    with stage.inside(EVIL) as connection:
        found = connection.execute("SELECT FROM pg_namespace WHERE nspname = 'mine'").fetchone()
        stage.leave(connection)
    assert found is None


@pytest.mark.parametrize(
    "hides",
    [
        "ALTER DATABASE feature_evil ALLOW_CONNECTIONS false",
        "ALTER DATABASE feature_evil CONNECTION LIMIT 0",
        "REVOKE CONNECT ON DATABASE feature_evil FROM feature_evil",
    ],
)
def test_where_it_cannot_be_taken_away_the_role_stays_without_name_and_login_until_it_can_go(
    stage: Stage, hides: str
) -> None:
    role = stage.found().role
    does(stage, "CREATE TABLE t (i int)", "GRANT SELECT ON t TO feature_login")
    with stage.signed_in(EVIL, "postgres") as session:
        session.execute(hides)
        stage.leave(session)

    dropped = stage.drop()

    left = f"coppice-left-{role}"
    assert dropped.left.startswith(f"role feature_login is now {left}, without a login, for it cannot be ")
    assert "in database feature_evil" in dropped.left
    assert stage.reader.get(NAME) is None
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(stage.cluster.superuser, user=left, password="pw-feature_login", dbname="postgres")
    stage.make()  # the branch may come again

    stage.drop(EVIL)
    assert names(stage, "left") == []


def test_what_a_role_owns_in_a_database_that_is_not_ours_stays_and_so_does_the_role(stage: Stage) -> None:
    stage.superuser.execute("CREATE DATABASE elsewhere")
    with stage.inside("elsewhere") as connection:
        connection.execute("CREATE TABLE t (i int); ALTER TABLE t OWNER TO feature_login")

        dropped = stage.drop()

        assert "1 object in database elsewhere" in dropped.left
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 't'").fetchone()
        assert owner == (names(stage, "left")[0],)


def test_who_has_begun_to_grant_something_and_does_not_end_holds_nobody_for_long(stage: Stage) -> None:
    with about_to(stage, "GRANT CONNECT ON DATABASE feature_evil TO feature_login"):
        dropped = stage.drop()

    assert "coppice-left-" in dropped.left
    assert stage.reader.get(NAME) is None


@pytest.mark.parametrize(
    "statement",
    [
        "COMMENT ON ROLE feature_login IS 'mine'",
        "COMMENT ON ROLE feature_evil IS 'mine'",
        "ALTER ROLE feature_login SET search_path = evil",
        "ALTER ROLE feature_evil CONNECTION LIMIT 100",
        "ALTER ROLE feature_evil CREATEDB",
        "ALTER ROLE feature_login PASSWORD 'x'",
        "GRANT feature_login TO feature_evil",
        "GRANT coppice_admin TO feature_evil",
        "CREATE DATABASE feature_login_2",
        "CREATE DATABASE feature_x TEMPLATE feature_login",
        "CREATE ROLE feature_x",
        "COMMENT ON DATABASE feature_login IS 'mine'",
        "ALTER DATABASE feature_login SET search_path = evil",
        "ALTER DATABASE feature_evil OWNER TO feature_login",
        "ALTER DATABASE feature_evil RENAME TO feature_x",
        "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION f()",
        "CREATE TABLESPACE t LOCATION '/tmp'",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
        "COPY (SELECT 1) TO '/tmp/evil'",
        "ALTER SYSTEM SET max_connections = 1",
        "SELECT pg_create_physical_replication_slot('evil')",
    ],
)
def test_what_a_branch_may_not_do_to_itself_or_to_others(stage: Stage, statement: str) -> None:
    with stage.inside(EVIL) as connection:
        connection.execute("CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
        stage.leave(connection)
    with (
        stage.signed_in(NAME),
        stage.signed_in(EVIL) as session,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)),
    ):
        session.execute(statement)
