"""An error keeps its face: whatever the server answers, one of our types comes out, and what to do next."""

import contextlib
import socket
import threading
from typing import Any

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.client import Server
from adapters.postgres.reader import DatabaseReaderAdapter
from coppice.reconciler.errors import Conflict, Failure, Forbidden, NotSetUp, Rejected, Throttled, Unreachable
from tests.integration.adapters.postgres.stage import Stage


def failure(server: Server, statement: str = "SELECT 1", *, seconds: int = 5) -> Failure:
    with (
        pytest.raises(Failure) as caught,
        server.session("do this", seconds=seconds) as session,
    ):
        session.execute(sql.SQL(statement))
    return caught.value


def test_nobody_there_is_unreachable_and_asked_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    connect = psycopg.connect

    def counted(**options: Any) -> psycopg.Connection[Any]:
        tried.append(options["host"])
        return connect(**options)

    monkeypatch.setattr(psycopg, "connect", counted)
    reader = DatabaseReaderAdapter(Server("postgresql://admin@127.0.0.1:1/postgres"))

    with pytest.raises(Unreachable):
        reader.get("x")

    assert len(tried) == 3


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"N"])
def test_who_speaks_no_postgresql_is_unreachable(answer: bytes) -> None:
    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed: the test is over
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener], daemon=True)
        thread.start()
        port = listener.getsockname()[1]

        told = failure(Server(f"postgresql://admin@127.0.0.1:{port}/postgres"))

        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert isinstance(told, Unreachable)


def test_a_wrong_password_is_forbidden(stage: Stage) -> None:
    password = Server(stage.cluster.admin).address.password

    told = failure(Server(stage.cluster.admin.replace(password, "wrong")))

    assert isinstance(told, Forbidden)
    assert "password authentication failed" in told.message


def test_a_database_that_is_not_there_is_not_set_up(stage: Stage) -> None:
    told = failure(Server(stage.cluster.admin.replace("/postgres", "/nowhere")))

    assert isinstance(told, NotSetUp)
    assert 'database "nowhere" does not exist' in told.message


def test_a_database_that_the_admin_may_not_enter_is_forbidden(stage: Stage) -> None:
    stage.superuser.execute("CREATE DATABASE closed")
    stage.superuser.execute("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")

    told = failure(Server(stage.cluster.admin.replace("/postgres", "/closed")))

    assert isinstance(told, Forbidden)


def test_no_room_for_another_session_is_throttled(stage: Stage) -> None:
    stage.superuser.execute("ALTER ROLE coppice_admin CONNECTION LIMIT 0")

    told = failure(Server(stage.cluster.admin))

    assert isinstance(told, Throttled)
    assert told.retry_after == 10


def test_a_statement_that_takes_too_long_is_cut_short(stage: Stage) -> None:
    told = failure(Server(stage.cluster.admin), "SELECT pg_sleep(60)", seconds=1)

    assert isinstance(told, Unreachable)
    assert "statement timeout" in told.message


def test_a_session_that_is_ended_is_unreachable(stage: Stage) -> None:
    told = failure(Server(stage.cluster.admin), "SELECT pg_terminate_backend(pg_backend_pid())")

    assert isinstance(told, Unreachable)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("CREATE ROLE coppice_admin", Conflict),
        ("CREATE DATABASE postgres", Conflict),
        ("DROP ROLE postgres", Forbidden),
        ("SELECT 1 / 0", Rejected),
        ("what?", Rejected),
    ],
)
def test_what_a_server_refuses_has_its_own_words_and_our_type(
    stage: Stage, statement: str, kind: type[Failure]
) -> None:
    told = failure(Server(stage.cluster.admin), statement)

    assert type(told) is kind
    assert told.message.startswith("the PostgreSQL server 127.0.0.1:")
    assert " did not do this: " in told.message


def test_what_a_branch_sets_on_its_database_does_not_reach_our_sessions(stage: Stage) -> None:
    stage.make()
    with stage.signed_in() as branch:
        branch.execute("ALTER DATABASE feature_login SET search_path = evil")
        branch.execute("ALTER DATABASE feature_login SET statement_timeout = 1")
        stage.leave(branch)

    with Server(stage.cluster.admin).session("look", database="feature_login") as session:
        shown = session.execute(sql.SQL("SHOW search_path"), sql.SQL("SHOW statement_timeout"))

    assert shown == [[{"search_path": "pg_catalog"}], [{"statement_timeout": "15s"}]]
