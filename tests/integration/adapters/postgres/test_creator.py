"""A branch's database and its role, on a real server, made by an admin who is no superuser."""

import psycopg
import pytest

from coppice.components.database import Dropped, mark
from coppice.environment.key import Key
from coppice.environment.naming import Prefixes, name
from coppice.reconciler.errors import Rejected
from tests.integration.adapters.postgres.stage import KEY, NAME, Stage

OTHER = Key(repository="acme/todo", branch="feature/other")


def test_a_new_database_is_the_branchs_and_whole(stage: Stage) -> None:
    assert stage.reader.get(NAME) is None

    made = stage.make()

    assert (made.owner, made.login, made.finished, made.sessions) == (KEY, f"stamp-{NAME}", True, 0)
    assert made.oid == stage.value("SELECT oid FROM pg_database WHERE datname = %s", NAME)
    assert made.role == stage.value("SELECT oid FROM pg_roles WHERE rolname = %s", NAME)


def test_the_admin_is_no_superuser(stage: Stage) -> None:
    rights = "SELECT rolsuper OR rolbypassrls OR rolreplication FROM pg_roles WHERE rolname = 'coppice_admin'"

    assert stage.value(rights) is False


def test_its_role_works_in_it_and_is_nothing_else(stage: Stage) -> None:
    stage.make()

    with stage.signed_in() as branch:
        branch.execute("CREATE TABLE notes (text text)")
        branch.execute("INSERT INTO notes VALUES ('here')")
        assert branch.execute("SELECT text FROM notes").fetchone() == ("here",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            branch.execute("CREATE DATABASE more")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            branch.execute("CREATE ROLE more")


def test_two_branches_cannot_connect_to_each_others_databases(stage: Stage) -> None:
    stage.make()
    stage.make(OTHER, "feature_other")

    for role, database in ((NAME, "feature_other"), ("feature_other", NAME)):
        with (
            pytest.raises(psycopg.OperationalError, match="does not have CONNECT privilege"),
            stage.signed_in(role, database),
        ):
            pass


def test_nobody_else_can_connect_to_it(stage: Stage) -> None:
    stage.make()
    stage.superuser.execute("CREATE ROLE stranger LOGIN PASSWORD 'pw-stranger'")

    with (
        pytest.raises(psycopg.OperationalError, match="does not have CONNECT privilege"),
        stage.signed_in("stranger", NAME),
    ):
        pass


def test_a_branch_has_so_many_connections_and_no_more(stage: Stage) -> None:
    stage.make(most=2)

    with stage.signed_in() as first, stage.signed_in():
        first.execute("ALTER DATABASE feature_login CONNECTION LIMIT -1")
        with (
            pytest.raises(psycopg.OperationalError, match="too many connections for role"),
            stage.signed_in(),
        ):
            pass


def test_making_it_once_more_changes_nothing(stage: Stage) -> None:
    made = stage.make()

    stage.writer.create(stage.change())

    assert stage.found() == made
    with stage.signed_in():
        pass


def test_a_fence_that_the_branch_tore_down_is_put_up_again_and_the_login_stays(stage: Stage) -> None:
    made = stage.make()
    with stage.signed_in() as branch:
        branch.execute("GRANT CONNECT ON DATABASE feature_login TO PUBLIC")
        stage.leave(branch)
    torn = stage.found()

    stage.writer.create(stage.change())

    assert (torn.finished, torn.login) == (False, made.login)
    assert stage.found() == made
    with stage.signed_in():
        pass


@pytest.mark.parametrize("comment", [None, "the accounts of 2019", mark(OTHER)])
def test_a_database_of_that_name_that_is_not_the_branchs_is_not_taken_over(
    stage: Stage, comment: str | None
) -> None:
    stage.superuser.execute("CREATE DATABASE feature_login")
    if comment:
        stage.superuser.execute(psycopg.sql.SQL("COMMENT ON DATABASE feature_login IS {}").format(comment))
    before = stage.found()

    with pytest.raises(Rejected, match="it is someone else's"):
        stage.writer.create(stage.change())

    assert stage.found() == before
    assert stage.value("SELECT datdba::regrole::text FROM pg_database WHERE datname = %s", NAME) == "postgres"


def test_a_role_of_that_name_that_is_not_the_branchs_is_not_taken_over(stage: Stage) -> None:
    stage.superuser.execute("CREATE ROLE feature_login LOGIN PASSWORD 'pw-feature_login'")
    stage.superuser.execute("COMMENT ON ROLE feature_login IS 'the head of accounting'")

    with pytest.raises(Rejected, match="it is someone else's"):
        stage.writer.create(stage.change())

    with stage.signed_in(NAME, "postgres"):
        pass
    assert stage.value("SELECT count(*) FROM pg_database WHERE datname = %s", NAME) == 0


def test_what_belongs_to_another_branch_says_to_which(stage: Stage) -> None:
    made = stage.make(OTHER)

    with pytest.raises(Rejected, match="belongs to branch 'feature/other' of acme/todo"):
        stage.writer.create(stage.change())

    assert stage.found() == made


HOSTILE = 'x";drop-database;--'


def test_a_branch_of_a_hostile_name_gets_a_database_like_any_other(stage: Stage) -> None:
    prefixes = Prefixes(namespace="feature-", credential="coppice-", database="feature_")
    named = name(HOSTILE, prefixes=prefixes, base_domain="dev.example.com").database
    key = Key(repository="acme/todo", branch=HOSTILE)

    assert stage.make(key, named).owner == key
    with stage.signed_in(named):
        pass
    assert stage.drop(named) == Dropped()
    assert stage.reader.get(named) is None


def test_a_name_is_a_name_whatever_is_in_it(stage: Stage) -> None:
    stage.superuser.execute('CREATE DATABASE "drop-database"')

    assert stage.make(name=HOSTILE).finished
    assert stage.drop(HOSTILE) == Dropped()
    assert stage.value("SELECT count(*) FROM pg_database WHERE datname = 'drop-database'") == 1
