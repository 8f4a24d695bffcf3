"""Dropping: what was read and nothing else, whoever is connected."""

from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest

from coppice.components.database import Dropped, mark
from coppice.components.removal import Owned
from coppice.environment.key import Key
from coppice.reconciler.errors import Conflict
from tests.integration.adapters.postgres.stage import KEY, NAME, Stage, statements

OTHER = Key(repository="acme/todo", branch="feature/other")


def test_a_database_and_its_role_go(stage: Stage) -> None:
    stage.make()

    assert stage.drop() == Dropped()

    assert stage.reader.get(NAME) is None


def test_one_that_bears_a_former_name_of_the_repository_goes_as_what_it_is_known_as(stage: Stage) -> None:
    made = stage.make()
    known_as = Key(repository="umbrella/todo", branch=KEY.branch, former=KEY.repository)

    stage.dropper.drop(Owned(replace(made, owner=known_as)))

    assert stage.reader.get(NAME) is None


def test_thirty_sessions_are_ended_and_counted(stage: Stage) -> None:
    stage.make(most=40)
    with ExitStack() as stack:
        sessions = [stack.enter_context(stage.signed_in()) for _ in range(30)]
        for session in sessions[:10]:
            session.execute(
                "BEGIN; CREATE TABLE IF NOT EXISTS held (i int)" if session is sessions[0] else "BEGIN"
            )
        assert stage.found().sessions == 30

        assert stage.drop() == Dropped(sessions=30)

        for session in sessions:
            with pytest.raises(psycopg.OperationalError):
                session.execute("SELECT 1")
    assert stage.reader.get(NAME) is None


def test_sessions_of_its_role_elsewhere_end_too(stage: Stage) -> None:
    stage.make()

    with stage.signed_in(NAME, "postgres") as elsewhere:
        assert stage.drop() == Dropped(sessions=1)
        with pytest.raises(psycopg.OperationalError):
            elsewhere.execute("SELECT 1")


def test_dropping_what_is_gone_is_no_error(stage: Stage) -> None:
    made = stage.make()
    stage.drop()

    assert stage.dropper.drop(Owned(made)) == Dropped()


@pytest.mark.parametrize(
    "gone", ["DROP DATABASE feature_login", "DROP DATABASE feature_login; DROP ROLE feature_login"]
)
def test_one_that_another_run_drops_at_the_same_moment_is_no_error(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    made, left = stage.make(), gone.split("; ")

    def watch(_: int, text: str) -> None:
        if text.startswith("ALTER DATABASE"):
            while left:
                with stage.superuser.cursor() as cursor:  # whose statements nobody watches
                    cursor.execute(left.pop(0).encode())

    statements(monkeypatch, watch)

    assert stage.dropper.drop(Owned(made)) == Dropped()
    assert stage.reader.get(NAME) is None


def test_one_that_was_made_anew_since_is_not_dropped(stage: Stage) -> None:
    old = stage.make()
    stage.drop()
    new = stage.make()

    with pytest.raises(Conflict, match="no longer the one that was read"):
        stage.dropper.drop(Owned(old))

    assert stage.found() == new


@pytest.mark.parametrize(
    "change",
    [
        "ALTER DATABASE feature_login OWNER TO postgres",
        "COMMENT ON ROLE feature_login IS 'kept for the auditors'",
    ],
)
def test_what_an_administrator_has_taken_from_the_branch_since_stays(stage: Stage, change: str) -> None:
    made = stage.make()
    stage.superuser.execute(change.encode())

    with pytest.raises(Conflict, match="no longer the one that was read"):
        stage.dropper.drop(Owned(made))

    assert stage.found().oid == made.oid


def test_a_database_that_an_administrator_keeps_as_documented_outlives_its_role(stage: Stage) -> None:
    made = stage.make()
    with stage.signed_in() as branch:
        branch.execute("CREATE TABLE t (i int)")
        stage.leave(branch)
    stage.superuser.execute("CREATE ROLE auditor")
    with stage.inside(NAME) as connection:
        connection.execute("REASSIGN OWNED BY feature_login TO auditor")
        stage.leave(connection)
    stage.superuser.execute("ALTER DATABASE feature_login RENAME TO login_for_audit")

    stage.drop()

    assert stage.reader.get(NAME) is None
    assert stage.found("login_for_audit").oid == made.oid


@pytest.mark.parametrize(
    "change",
    [
        "COMMENT ON DATABASE feature_login IS 'dumped on Monday'",  # pg_restore --create
        f"COMMENT ON DATABASE feature_login IS '{mark(OTHER)}'",
        "COMMENT ON DATABASE feature_login IS NULL",
        "ALTER DATABASE feature_login IS_TEMPLATE true",
        "ALTER DATABASE feature_login CONNECTION LIMIT 0",
    ],
)
def test_nothing_that_a_branch_does_to_its_own_database_keeps_it_alive(stage: Stage, change: str) -> None:
    made = stage.make()
    with stage.signed_in() as branch:
        branch.execute(change.encode())
        stage.leave(branch)

    assert stage.found().owner == KEY
    stage.dropper.drop(Owned(made))

    assert stage.reader.get(NAME) is None


@pytest.mark.parametrize("kind", ["DATABASE", "ROLE"])
def test_what_is_foreign_is_not_dropped_even_if_a_plan_asks_for_it(stage: Stage, kind: str) -> None:
    stage.superuser.execute(f"CREATE {kind} feature_login".encode())
    foreign = stage.found()
    assert foreign.owner is None

    for owner in (None, KEY):
        with pytest.raises(Conflict):
            stage.dropper.drop(Owned(replace(foreign, owner=owner)))

    assert stage.found() == foreign


def test_a_database_that_came_since_its_role_was_read_alone_is_not_dropped(stage: Stage) -> None:
    made = stage.make()

    with pytest.raises(Conflict):
        stage.dropper.drop(Owned(replace(made, oid=None)))

    assert stage.found() == made


def test_a_neighbour_keeps_its_database_and_its_sessions(stage: Stage) -> None:
    stage.make()
    neighbour = stage.make(Key(repository="acme/todo", branch="feature/login-2"), "feature_login_2")

    with stage.signed_in("feature_login_2") as session:
        stage.drop()
        assert session.execute("SELECT 1").fetchone() == (1,)
        stage.leave(session)

    assert stage.found("feature_login_2") == neighbour


def test_what_an_administrator_gave_a_role_elsewhere_stays_and_so_does_the_role_without_its_name(
    stage: Stage,
) -> None:
    made = stage.make()
    stage.superuser.execute("CREATE DATABASE elsewhere")
    with stage.inside("elsewhere") as connection:
        connection.execute("CREATE TABLE t (i int); ALTER TABLE t OWNER TO feature_login")

        said = stage.drop().left

        assert "1 object in database elsewhere" in said
        assert stage.reader.get(NAME) is None
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 't'").fetchone()
        assert owner == (f"coppice_left_{made.role}",)
        connection.execute(f"DROP OWNED BY coppice_left_{made.role}")
    stage.make()
    assert stage.drop() == Dropped()
    assert stage.value("SELECT count(*) FROM pg_roles WHERE starts_with(rolname, 'coppice_left_')") == 0


def test_a_database_that_a_cut_short_drop_has_left_invalid_is_dropped(stage: Stage) -> None:
    stage.make()
    # As DROP DATABASE leaves it when the server stops meanwhile (PostgreSQL 15.4 and up).
    stage.superuser.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'feature_login'")

    stage.drop()

    assert stage.reader.get(NAME) is None


@pytest.mark.parametrize(("application", "ended"), [("coppice", 0), ("psql", 1)])
def test_a_session_in_which_the_program_handed_it_over_is_ended_and_not_told_of(
    stage: Stage, application: str, ended: int
) -> None:
    stage.make()
    inside = psycopg.connect(stage.cluster.admin, dbname=NAME, application_name=application)
    assert stage.drop() == Dropped(sessions=ended)
    with pytest.raises(psycopg.OperationalError):
        inside.execute("SELECT 1")
    inside.close()
