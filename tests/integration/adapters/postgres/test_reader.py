"""What is read of databases and roles: whose they are, and whether they are whole."""

import psycopg
import pytest

from coppice.components.database import mark
from coppice.environment.key import Key
from tests.integration.adapters.postgres.stage import KEY, NAME, Stage, statements


def test_nothing_is_read_of_what_is_not_there(stage: Stage) -> None:
    stage.make()

    assert stage.reader.get("feature") is None
    assert stage.reader.get("feature_logi_") is None
    assert stage.reader.get("feature_login_2") is None


def test_all_are_found_by_their_prefix_those_of_branches_that_are_gone_too(stage: Stage) -> None:
    gone = Key(repository="acme/todo", branch="feature/gone")
    stage.make()
    stage.make(gone, "feature_gone")
    stage.superuser.execute("CREATE ROLE feature_role_alone")
    stage.superuser.execute("CREATE DATABASE feature_database_alone")
    stage.superuser.execute("CREATE DATABASE featureXlogin")

    found = {each.name: each.owner for each in stage.reader.all("feature_")}

    assert found == {
        "feature_database_alone": None,
        "feature_gone": gone,
        NAME: KEY,
        "feature_role_alone": None,
    }


def test_one_look_is_one_query(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    statements(monkeypatch, lambda _, text: made.append(text))

    stage.reader.get(NAME)
    stage.reader.all("feature_")
    stage.reader.open_to_public()

    assert len(made) == 3


def test_the_role_alone_is_the_branchs_if_it_says_so(stage: Stage) -> None:
    stage.superuser.execute("CREATE ROLE feature_login")
    stage.superuser.execute(f"COMMENT ON ROLE feature_login IS '{mark(KEY)}'".encode())

    found = stage.found()

    assert (found.owner, found.oid, found.finished) == (KEY, None, False)


def test_the_mark_on_a_database_that_the_role_does_not_own_is_nobodys(stage: Stage) -> None:
    stage.make()
    stage.superuser.execute("ALTER DATABASE feature_login OWNER TO postgres")

    assert stage.found().owner is None


def test_a_branch_cannot_make_its_database_anothers(stage: Stage) -> None:
    other = Key(repository="acme/todo", branch="feature/other")
    made = stage.make()

    with stage.signed_in() as branch:
        branch.execute(f"COMMENT ON DATABASE feature_login IS '{mark(other)}'".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            branch.execute(f"COMMENT ON ROLE feature_login IS '{mark(other)}'".encode())
        stage.leave(branch)

    assert (stage.found().owner, stage.found().finished) == (KEY, False)
    stage.writer.create(stage.change())
    assert stage.found() == made


def test_sessions_are_counted(stage: Stage) -> None:
    stage.make()

    with stage.signed_in(), stage.signed_in():
        assert stage.found().sessions == 2


def test_the_databases_to_which_everybody_may_connect_are_named_until_that_is_revoked(stage: Stage) -> None:
    stage.make()
    stage.superuser.execute("CREATE DATABASE orders")
    assert stage.reader.open_to_public() == ("orders", "postgres", "template1")

    stage.superuser.execute("REVOKE CONNECT ON DATABASE orders FROM PUBLIC")

    assert stage.reader.open_to_public() == ("postgres", "template1")
