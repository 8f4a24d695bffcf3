"""The login: a password that works, is noted only once it was delivered, and stands nowhere else."""

import logging
import traceback
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from adapters.postgres.address import address
from adapters.postgres.client import Server
from adapters.postgres.creator import DatabaseWriterAdapter
from coppice.environment.key import Key
from coppice.reconciler.errors import Conflict, Failure, Unreachable
from tests.integration.adapters.postgres.stage import KEY, NAME, Stage, statements

PASSWORD = "correct-horse-battery"


def test_nobody_signs_in_before_there_is_a_password(stage: Stage) -> None:
    stage.writer.create(stage.change())

    assert (stage.found().login, stage.found().finished) == ("", False)
    assert stage.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", NAME) is False


def test_a_new_password_takes_the_place_of_the_old_one(stage: Stage) -> None:
    stage.make()
    stage.writer.set_password(NAME, PASSWORD, "stamp", owner=KEY)

    with stage.signed_in(password=PASSWORD):
        pass
    with pytest.raises(psycopg.OperationalError, match="authentication failed"), stage.signed_in():
        pass


def test_a_password_that_was_set_and_not_delivered_is_no_login(stage: Stage) -> None:
    stage.make()
    stage.writer.set_password(NAME, PASSWORD, "stamp", owner=KEY)

    assert (stage.found().login, stage.found().finished) == ("", False)

    stage.writer.confirm(NAME, "stamp", owner=KEY)

    assert (stage.found().login, stage.found().finished) == ("stamp", True)


def test_no_statement_holds_the_password(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.writer.create(stage.change())
    made: list[str] = []
    statements(monkeypatch, lambda _, text: made.append(text))

    stage.writer.set_password(NAME, PASSWORD, "stamp", owner=KEY)
    stage.writer.confirm(NAME, "stamp", owner=KEY)

    assert any("SCRAM-SHA-256" in text for text in made)
    assert not any(PASSWORD in text for text in made)


def test_neither_a_log_nor_an_error_holds_a_password(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stage.superuser.execute("CREATE ROLE foreign_role")
    wrong = stage.cluster.admin.replace("coppice_admin:", f"coppice_admin:{PASSWORD}")
    said = []
    for writer, name in (
        (stage.writer, "foreign_role"),
        (stage.writer, "nowhere"),
        (DatabaseWriterAdapter(Server(wrong)), NAME),
    ):
        with pytest.raises(Failure) as caught:
            writer.set_password(name, PASSWORD, "stamp", owner=KEY)
        said += [*traceback.format_exception(caught.value), repr(caught.value)]
    stage.make()
    stage.writer.set_password(NAME, PASSWORD, "stamp", owner=KEY)

    assert PASSWORD not in caplog.text
    assert PASSWORD not in "".join(said)
    assert PASSWORD not in repr(address(wrong))
    assert "coppice_admin" in repr(address(wrong))


def test_a_role_that_is_not_a_branchs_gets_no_password(stage: Stage) -> None:
    stage.superuser.execute("CREATE ROLE feature_login NOINHERIT LOGIN PASSWORD 'pw-feature_login'")
    before = stage.value("SELECT r::text FROM pg_roles r WHERE rolname = %s", NAME)

    with pytest.raises(Conflict, match="no longer a branch's"):
        stage.writer.set_password(NAME, PASSWORD, "stamp", owner=KEY)
    with pytest.raises(Conflict, match="no longer a branch's"):
        stage.writer.confirm(NAME, "stamp", owner=KEY)

    assert stage.value("SELECT r::text FROM pg_roles r WHERE rolname = %s", NAME) == before
    with stage.signed_in(NAME, "postgres"):
        pass


def test_a_role_of_another_branch_gets_no_password(stage: Stage) -> None:
    before = stage.make()
    other = Key(repository=KEY.repository, branch=f"{KEY.branch}-2")

    with pytest.raises(Conflict, match="no longer a branch's"):
        stage.writer.set_password(NAME, PASSWORD, "stamp", owner=other)
    with pytest.raises(Conflict, match="no longer a branch's"):
        stage.writer.confirm(NAME, "stamp", owner=other)

    assert stage.found() == before
    with stage.signed_in():
        pass


def test_a_role_whose_database_another_role_owns_gets_no_password(stage: Stage) -> None:
    stage.make()
    stage.superuser.execute("ALTER DATABASE feature_login OWNER TO postgres")

    with pytest.raises(Conflict, match="no longer a branch's"):
        stage.writer.set_password(NAME, PASSWORD, "stamp", owner=KEY)

    with stage.signed_in(database="postgres"):
        pass


def test_a_password_that_could_not_be_noted_was_not_set(stage: Stage) -> None:
    before = stage.make()
    with ThreadPoolExecutor() as pool, stage.noting() as ended:
        setting = pool.submit(stage.writer.set_password, NAME, PASSWORD, "stamp", owner=KEY)
        stage.wait_for_waiting(1)
        ended()
        assert isinstance(setting.exception(), Unreachable)

    assert stage.found() == before
    with stage.signed_in():
        pass
