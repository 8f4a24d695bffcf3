"""The login: a password that works, is noted only once it was delivered, and stands nowhere else."""

import logging
import traceback

import psycopg
import pytest

from adapters.postgres.address import address
from adapters.postgres.client import Server
from adapters.postgres.creator import DatabaseWriterAdapter
from coppice.reconciler.errors import Conflict, Failure
from tests.integration.adapters.postgres.stage import NAME, Crash, Stage, crashing_at, statements

PASSWORD = "correct-horse-battery"


def test_nobody_signs_in_before_there_is_a_password(stage: Stage) -> None:
    stage.writer.create(stage.change())

    assert (stage.found().login, stage.found().finished) == ("", False)
    assert stage.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", NAME) is False


def test_a_new_password_takes_the_place_of_the_old_one(stage: Stage) -> None:
    stage.make()
    stage.writer.set_password(NAME, PASSWORD, "stamp")

    with stage.signed_in(password=PASSWORD):
        pass
    with pytest.raises(psycopg.OperationalError, match="authentication failed"), stage.signed_in():
        pass


def test_a_password_that_was_set_and_not_delivered_is_no_login(stage: Stage) -> None:
    stage.make()
    stage.writer.set_password(NAME, PASSWORD, "stamp")

    assert (stage.found().login, stage.found().finished) == ("", False)

    stage.writer.confirm(NAME, "stamp")

    assert (stage.found().login, stage.found().finished) == ("stamp", True)


def test_no_statement_holds_the_password(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.writer.create(stage.change())
    made: list[str] = []
    statements(monkeypatch, lambda _, text: made.append(text))

    stage.writer.set_password(NAME, PASSWORD, "stamp")
    stage.writer.confirm(NAME, "stamp")

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
            writer.set_password(name, PASSWORD, "stamp")
        said += [*traceback.format_exception(caught.value), repr(caught.value)]
    stage.make()
    stage.writer.set_password(NAME, PASSWORD, "stamp")

    assert PASSWORD not in caplog.text
    assert PASSWORD not in "".join(said)
    assert PASSWORD not in repr(address(wrong))
    assert "coppice_admin" in repr(address(wrong))


def test_a_role_that_is_not_a_branchs_gets_no_password(stage: Stage) -> None:
    stage.superuser.execute("CREATE ROLE feature_login LOGIN PASSWORD 'pw-feature_login'")

    with pytest.raises(Conflict, match="no longer a branch's"):
        stage.writer.set_password(NAME, PASSWORD, "stamp")
    with pytest.raises(Conflict, match="no longer a branch's"):
        stage.writer.confirm(NAME, "stamp")

    with stage.signed_in(NAME, "postgres"):
        pass


@pytest.mark.parametrize("statement", range(3))
def test_a_crash_while_a_password_is_set_leaves_the_old_one(stage: Stage, statement: int) -> None:
    before = stage.make()

    with crashing_at(statement), pytest.raises(Crash):
        stage.writer.set_password(NAME, PASSWORD, "stamp")

    assert stage.found() == before
    with stage.signed_in():
        pass
