"""A refusal says what is lacking and who can mend it: each was answered by a real server."""

import re
from collections.abc import Callable

import pytest
from psycopg import sql

from adapters.postgres.address import address
from adapters.postgres.advice import advice
from adapters.postgres.client import Server
from adapters.postgres.reader import DatabaseReaderAdapter
from coppice.reconciler.errors import Failure, Forbidden, Rejected, Unreachable
from tests.integration.adapters.postgres.stage import KEY, NAME, Stage

ADMIN = address("postgresql://coppice_admin:secret@127.0.0.1/postgres")


def mended(stage: Stage, refused: Callable[[], object]) -> str:
    """Run just the statement that a refusal names, after which it is none."""
    with pytest.raises(Forbidden) as caught:
        refused()
    found = re.search(r"Run as \S+ \S+: (.*;)$", caught.value.message)
    assert found, caught.value.message
    stage.superuser.execute(found[1].encode())
    refused()
    return found[1]


@pytest.mark.parametrize("right", ["CREATEDB", "CREATEROLE"])
def test_an_admin_who_lacks_a_right_is_told_that_one(stage: Stage, right: str) -> None:
    stage.superuser.execute(f"ALTER ROLE coppice_admin NO{right}".encode())

    said = mended(stage, lambda: stage.writer.create(stage.change()))

    assert said == f'ALTER ROLE "coppice_admin" {right};'


def test_an_admin_who_has_lost_createrole_is_told_so_when_a_password_is_due(stage: Stage) -> None:
    stage.writer.create(stage.change())
    stage.superuser.execute("ALTER ROLE coppice_admin NOCREATEROLE")

    with pytest.raises(Forbidden, match=r'ALTER ROLE "coppice_admin" CREATEROLE;'):
        stage.writer.set_password(NAME, "secret", "stamp", owner=KEY)


def test_an_admin_who_may_not_sign_in_is_told_so(stage: Stage) -> None:
    stage.superuser.execute("ALTER ROLE coppice_admin NOLOGIN")
    try:
        said = mended(stage, lambda: stage.reader.get(NAME))
    finally:
        stage.superuser.execute("ALTER ROLE coppice_admin LOGIN")

    assert said == 'ALTER ROLE "coppice_admin" LOGIN;'


def test_a_wrong_password_is_a_matter_of_the_setting(stage: Stage) -> None:
    password = Server(stage.cluster.admin).address.password
    reader = DatabaseReaderAdapter(Server(stage.cluster.admin.replace(password, "wrong")))

    with pytest.raises(Forbidden, match="Correct the password in POSTGRES_SERVER_URL"):
        reader.get(NAME)


def test_a_session_that_may_not_be_ended_is_said_to_be_what_is_in_the_way(stage: Stage) -> None:
    stage.make()
    with stage.inside(NAME), pytest.raises(Forbidden, match="End that session"):
        stage.drop()

    assert stage.drop().left == ""


# As PostgreSQL 16 and 18 say it; the suite runs on whichever is installed.
ALTER = "Only roles with the CREATEROLE attribute and the ADMIN option on role feature_x may alter this role."
END = "Only roles with the SUPERUSER attribute may terminate processes of roles with the SUPERUSER attribute."
DROP = "Only roles with the SUPERUSER attribute may drop roles with the SUPERUSER attribute."


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Only roles with the CREATEROLE attribute may create roles.",
            'ALTER ROLE "coppice_admin" CREATEROLE;',
        ),
        (ALTER, 'GRANT … TO "coppice_admin" WITH ADMIN OPTION'),
        (END, "End that session"),
        (DROP, "The role is a superuser's"),
        ('must be able to SET ROLE "feature_x"', 'GRANT … TO "coppice_admin"'),
    ],
)
def test_later_versions_say_it_otherwise_and_the_advice_is_the_same(said: str, told: str) -> None:
    assert told in advice(f"the PostgreSQL server pg:5432 did not do this: {said}", ADMIN)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("25006", Unreachable),  # a replica, and a server whose storage is full
        ("XX000", Unreachable),
        ("XX001", Rejected),
    ],
)
def test_what_may_pass_is_tried_again_and_what_is_damaged_is_not(
    stage: Stage, code: str, kind: type[Failure]
) -> None:
    server = Server(stage.cluster.admin)
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'page 7' USING ERRCODE = '{code}'; END $$"

    with pytest.raises(Failure) as caught, server.session("do this") as session:
        session.execute(sql.SQL(statement))

    assert type(caught.value) is kind
