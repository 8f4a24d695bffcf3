"""A copy of a template is the branch's, whoever owned what in it; the template stays as it was."""

import re

import psycopg
import pytest

from coppice.reconciler.errors import Conflict, Forbidden, NotSetUp
from tests.integration.adapters.postgres.stage import NAME, OWNER, TEMPLATE, Stage

OWNERS = """
    SELECT relname, relowner::regrole::text, relacl::text FROM pg_class
    WHERE relnamespace IN ('app'::regnamespace, 'public'::regnamespace) ORDER BY 1
"""
ALL_KINDS = """
    SET ROLE staging_owner;
    SET search_path = app;
    CREATE TYPE mood AS ENUM ('calm');
    CREATE DOMAIN positive AS int CHECK (value > 0);
    CREATE TYPE pair AS (a int, b int);
    CREATE TYPE stretch AS RANGE (subtype = float8);
    CREATE FUNCTION f(a int, b text[], c mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION f(OUT a int, VARIADIC b int[]) LANGUAGE sql AS 'SELECT 1';
    CREATE PROCEDURE p(IN a int, OUT b int) LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int);
    CREATE AGGREGATE tally(*) (sfunc = int8inc, stype = int8, initcond = '0');
    CREATE VIEW names AS SELECT name FROM users;
    CREATE MATERIALIZED VIEW numbers AS SELECT number FROM users;
    CREATE SEQUENCE counter;
    CREATE STATISTICS together ON id, name FROM users;
    CREATE TEXT SEARCH CONFIGURATION words (copy = simple);
    CREATE TEXT SEARCH DICTIONARY dictionary (template = simple);
    CREATE COLLATION plain (locale = 'C');
    CREATE TABLE parts (i int) PARTITION BY RANGE (i);
    CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE UNLOGGED TABLE "we""ird; DROP TABLE users" (i int);
    SELECT lo_create(4711);
"""


def test_the_role_reads_writes_and_alters_what_another_role_owned(stage: Stage) -> None:
    stage.template()
    stage.make(template=TEMPLATE)

    with stage.signed_in() as branch:
        assert branch.execute("SELECT name FROM app.users").fetchall() == [("Ada",)]
        branch.execute("INSERT INTO app.users (name) VALUES ('Bob')")
        branch.execute("ALTER TABLE app.users ADD COLUMN born date")
        branch.execute("CREATE TABLE app.more (id int REFERENCES app.users)")
        branch.execute("CREATE TABLE public.own (id int)")
        branch.execute("DROP SCHEMA app CASCADE")


def test_the_template_and_its_owner_stay_as_they_were(stage: Stage) -> None:
    stage.template()

    def state() -> list[object]:
        with stage.inside(TEMPLATE) as connection:
            database = "SELECT oid, datdba, datistemplate, datallowconn, datacl::text FROM pg_database"
            found = [
                connection.execute(OWNERS).fetchall(),
                connection.execute("SELECT * FROM app.users").fetchall(),
                connection.execute(f"{database} WHERE datname = 'staging'").fetchall(),
                connection.execute("SELECT * FROM pg_roles WHERE rolname = 'staging_owner'").fetchall(),
            ]
            stage.leave(connection)
            return found

    before = state()
    stage.make(template=TEMPLATE)
    stage.drop()

    assert state() == before


def test_everything_in_it_changes_hands(stage: Stage) -> None:
    stage.template()
    with stage.inside(TEMPLATE) as connection:
        connection.execute(ALL_KINDS)
        stage.leave(connection)
    held = """
        SELECT count(*) FROM pg_shdepend
            JOIN pg_database d ON d.oid = dbid JOIN pg_roles r ON r.oid = refobjid
        WHERE deptype = 'o' AND datname = %s AND rolname = %s
    """
    # PostgreSQL 15 leaves the multirange that it makes for a range, and that one's array, to who made them.
    multiranges = 2
    before = stage.value(held, TEMPLATE, OWNER)

    stage.make(template=TEMPLATE)

    assert stage.value(held, NAME, OWNER) <= multiranges
    assert stage.value(held, NAME, NAME) >= before - multiranges > 20


def test_however_much_is_in_it_everything_changes_hands(stage: Stage) -> None:
    stage.template()
    with stage.inside(TEMPLATE) as connection:
        connection.execute("SET ROLE staging_owner; SET search_path = app")
        connection.execute("; ".join(f"CREATE VIEW v{each} AS SELECT 1" for each in range(250)))
        stage.leave(connection)

    assert stage.make(template=TEMPLATE).finished

    with stage.inside(NAME) as connection:
        owners = connection.execute(
            "SELECT viewowner, count(*) FROM pg_views WHERE schemaname = 'app' GROUP BY 1"
        )
        assert owners.fetchall() == [(NAME, 250)]


def test_what_others_may_do_there_stays(stage: Stage) -> None:
    stage.template()

    stage.make(template=TEMPLATE)

    with stage.inside(NAME) as connection:
        allowed = connection.execute("SELECT has_table_privilege('reader', 'app.users', 'SELECT')")
        assert allowed.fetchone() == (True,)


def test_an_extension_keeps_what_is_its_own(stage: Stage) -> None:
    stage.template()
    with stage.inside(TEMPLATE) as connection:
        connection.execute("CREATE SCHEMA tools; CREATE EXTENSION citext SCHEMA tools")
        stage.leave(connection)

    assert stage.make(template=TEMPLATE).finished

    owner = "SELECT typowner::regrole::text FROM pg_type WHERE typname = 'citext'"
    with stage.inside(NAME) as connection:
        assert connection.execute(owner).fetchone() == ("postgres",)


def test_a_template_in_use_says_by_whom_and_nothing_is_made(stage: Stage) -> None:
    stage.template()
    stage.superuser.execute("ALTER ROLE staging_owner LOGIN PASSWORD 'pw-staging_owner'")
    with stage.signed_in(OWNER, TEMPLATE) as first, stage.signed_in(OWNER, TEMPLATE) as second:
        for session in (first, second):
            session.execute("SET application_name = 'nightly scrub'")

        with pytest.raises(Conflict) as caught:
            stage.writer.create(stage.change(template=TEMPLATE))

        stage.leave(first)
        stage.leave(second)
    assert "in use: by staging_owner (nightly scrub, 127.0.0.1) in 2 sessions" in caught.value.message
    assert caught.value.retry_after == 30
    assert stage.reader.get(NAME) is None
    assert stage.make(template=TEMPLATE).finished


def test_a_template_that_lets_nobody_in_can_be_copied(stage: Stage) -> None:
    stage.template()
    stage.superuser.execute("ALTER DATABASE staging ALLOW_CONNECTIONS false")

    assert stage.make(template=TEMPLATE).finished

    with stage.signed_in() as branch:
        assert branch.execute("SELECT name FROM app.users").fetchone() == ("Ada",)


def mended(stage: Stage, failure: Forbidden) -> str:
    """Run exactly the statement that a message ends in."""
    found = re.search(r"Run as \S+ \S+: ((?:GRANT|ALTER) .*;)$", failure.message)
    assert found, failure.message
    stage.superuser.execute(found[1].encode())
    return found[1]


@pytest.mark.parametrize("is_template", [True, False])
def test_a_grant_that_is_missing_is_said_and_is_all_that_was_missing(stage: Stage, is_template: bool) -> None:
    stage.template(granted=False)
    stage.superuser.execute(f"ALTER DATABASE staging IS_TEMPLATE {is_template}".encode())
    with pytest.raises(Forbidden) as caught:
        stage.writer.create(stage.change(template=TEMPLATE))
    assert stage.reader.get(NAME) is None

    assert mended(stage, caught.value) == 'GRANT "staging_owner" TO "coppice_admin";'

    assert stage.make(template=TEMPLATE).finished


def test_one_grant_is_said_for_all_owners_in_the_template(stage: Stage) -> None:
    stage.template(granted=False)
    stage.superuser.execute('CREATE ROLE "the ""other"""')
    with stage.inside(TEMPLATE) as connection:
        connection.execute('CREATE TABLE t (i int); ALTER TABLE t OWNER TO "the ""other"""')
        stage.leave(connection)
    with pytest.raises(Forbidden) as caught:
        stage.writer.create(stage.change(template=TEMPLATE))

    assert mended(stage, caught.value) == 'GRANT "staging_owner", "the ""other""" TO "coppice_admin";'

    assert stage.make(template=TEMPLATE).finished


def test_a_superusers_database_has_to_be_made_a_template(stage: Stage) -> None:
    stage.superuser.execute("CREATE DATABASE staging")
    with pytest.raises(Forbidden) as caught:
        stage.writer.create(stage.change(template=TEMPLATE))

    assert mended(stage, caught.value) == 'ALTER DATABASE "staging" IS_TEMPLATE true;'

    assert stage.make(template=TEMPLATE).finished


def test_a_template_that_is_not_there_is_named(stage: Stage) -> None:
    with pytest.raises(NotSetUp, match="DATABASE_TEMPLATE names 'nowhere'"):
        stage.writer.create(stage.change(template="nowhere"))

    assert stage.reader.get(NAME) is None


def test_a_branch_cannot_reach_the_template(stage: Stage) -> None:
    stage.template()
    stage.superuser.execute("REVOKE CONNECT ON DATABASE staging FROM PUBLIC")
    stage.make(template=TEMPLATE)

    with (
        pytest.raises(psycopg.OperationalError, match="does not have CONNECT privilege"),
        stage.signed_in(NAME, TEMPLATE),
    ):
        pass
