"""What is wrong with a template is said as it is, with the statement that mends it, and leaves no copy."""

from collections.abc import Callable

import psycopg
import pytest

from coppice.reconciler.errors import NotSetUp, Rejected
from tests.integration.adapters.postgres.stage import NAME, TEMPLATE, Crash, Stage, statements


def ends_before(words: str) -> Callable[[int, str], None]:
    def watch(_: int, text: str) -> None:
        if text.startswith(words):
            raise Crash

    return watch


def test_a_superusers_table_is_refused_by_name_and_no_copy_is_left(stage: Stage) -> None:
    stage.template()
    with stage.inside(TEMPLATE) as connection:
        connection.execute("CREATE TABLE app.secret (i int)")
        stage.leave(connection)

    with pytest.raises(Rejected, match=r"belong to a superuser: app\.secret\. In the template"):
        stage.writer.create(stage.change(template=TEMPLATE))
    assert stage.reader.get(NAME) is None

    with stage.inside(TEMPLATE) as connection:
        connection.execute("ALTER TABLE app.secret OWNER TO staging_owner")
        stage.leave(connection)
    assert stage.make(template=TEMPLATE).finished


def test_a_superusers_public_schema_is_refused_and_the_message_says_the_way_out(stage: Stage) -> None:
    stage.template()
    with stage.inside(TEMPLATE) as connection:
        connection.execute("ALTER SCHEMA public OWNER TO postgres")
        stage.leave(connection)

    with pytest.raises(Rejected, match="schema public belongs to a superuser") as caught:
        stage.writer.create(stage.change(template=TEMPLATE))
    assert stage.reader.get(NAME) is None

    with stage.inside(TEMPLATE) as connection:
        connection.execute(caught.value.message.partition("as a superuser: ")[2].encode())
        stage.leave(connection)
    assert stage.make(template=TEMPLATE).finished
    with stage.signed_in() as branch:
        branch.execute("CREATE TABLE public.own (i int)")


def test_a_superusers_public_schema_in_which_all_may_create_is_taken_as_it_is(stage: Stage) -> None:
    stage.template()
    with stage.inside(TEMPLATE) as connection:
        connection.execute("ALTER SCHEMA public OWNER TO postgres; GRANT CREATE ON SCHEMA public TO PUBLIC")
        stage.leave(connection)

    assert stage.make(template=TEMPLATE).finished


def test_a_copy_from_before_is_not_dropped_when_it_is_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.template()
    with stage.inside(TEMPLATE) as connection:
        connection.execute("CREATE TABLE app.secret (i int)")
        stage.leave(connection)
    with monkeypatch.context() as crashing:
        statements(crashing, ends_before("REVOKE ALL ON DATABASE"))
        with pytest.raises(Crash):
            stage.writer.create(stage.change(template=TEMPLATE))

    with pytest.raises(
        Rejected, match=r'if nobody has used it, DROP DATABASE "feature_login"; and it is made'
    ):
        stage.writer.create(stage.change(template=TEMPLATE))

    assert stage.found().oid is not None
    stage.superuser.execute('DROP DATABASE "feature_login"')
    with stage.inside(TEMPLATE) as connection:
        connection.execute("DROP TABLE app.secret")
        stage.leave(connection)
    assert stage.make(template=TEMPLATE).finished


def test_what_a_superuser_has_added_since_to_a_database_in_use_is_no_fault_of_it(stage: Stage) -> None:
    made = stage.make()
    with stage.inside(NAME) as connection:
        connection.execute("CREATE TABLE public.audit (i int)")
        connection.execute("GRANT CONNECT ON DATABASE feature_login TO PUBLIC")
        stage.leave(connection)

    stage.writer.create(stage.change())

    assert stage.found() == made


def test_a_template_whose_collation_has_changed_is_refused_before_it_is_copied(stage: Stage) -> None:
    stage.superuser.execute("CREATE ROLE staging_owner")
    stage.superuser.execute("GRANT staging_owner TO coppice_admin")
    try:
        stage.superuser.execute(
            "CREATE DATABASE staging OWNER staging_owner TEMPLATE template0"
            " LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'"
        )
    except psycopg.errors.Error as error:
        pytest.skip(f"this PostgreSQL knows no ICU: {error}")
    stage.superuser.execute("UPDATE pg_database SET datcollversion = '1.0' WHERE datname = 'staging'")

    with pytest.raises(NotSetUp, match=r"made with version 1\.0 of its collation") as caught:
        stage.writer.create(stage.change(template=TEMPLATE))
    assert stage.reader.get(NAME) is None

    _, _, mend = caught.value.message.partition("in it: ")
    with stage.inside(TEMPLATE) as connection:
        for statement in mend.removesuffix(";").split("; "):
            connection.execute(statement.encode())
        stage.leave(connection)
    assert stage.make(template=TEMPLATE).finished


def test_a_template_that_takes_too_long_to_copy_says_so_and_is_not_tried_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.template()

    def canceled(_: int, text: str) -> None:
        if text.startswith("CREATE DATABASE"):
            raise psycopg.errors.QueryCanceled

    statements(monkeypatch, canceled)
    with pytest.raises(Rejected, match=r"takes longer than 300 s\. Make it smaller"):
        stage.writer.create(stage.change(template=TEMPLATE))
