"""A session stays open for the next call, as long as it works and carries nothing over."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.client import Server
from adapters.postgres.idle import IdleSessions
from coppice.reconciler.errors import Forbidden, Rejected, Throttled, Unreachable
from devtools.demo.assertions import until
from tests.integration.adapters.postgres.stage import NAME, TEMPLATE, Stage

PID = sql.SQL("SELECT pg_backend_pid() AS pid")
LEFT_BEHIND = (
    "SET ROLE pg_monitor",
    "SET search_path = evil",
    "SET lock_timeout = 1",
    "SET default_transaction_read_only = on",
    "PREPARE p AS SELECT 1",
)
SEEN = sql.SQL(
    """
    SELECT current_user, session_user, current_setting('search_path') AS path,
           current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement,
           current_setting('default_transaction_read_only') AS read_only,
           (SELECT count(*) FROM pg_prepared_statements) AS prepared
    """
)


@pytest.fixture
def server(stage: Stage) -> Server:
    return Server(stage.cluster.admin)


def pid(server: Server, what: str = "ask") -> int:
    with server.session(what) as session:
        ((row,),) = session.execute(PID)
    return int(row["pid"])


def sessions(stage: Stage) -> set[int]:
    """The processes of our admin's sessions."""
    of_ours = "SELECT array_agg(pid) FROM pg_stat_activity WHERE usename = 'coppice_admin'"
    return set(stage.value(of_ours) or ())


def test_two_calls_use_one_connection(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    connect = psycopg.connect

    def counted(**options: Any) -> psycopg.Connection[Any]:
        opened.append(options["dbname"])
        return connect(**options)

    monkeypatch.setattr(psycopg, "connect", counted)

    stage.make()
    stage.drop()

    assert opened == ["postgres", NAME]


def test_no_statement_is_prepared_however_often_it_is_executed(server: Server) -> None:
    with server.session("ask") as session:
        for _ in range(10):
            session.execute(PID)
        ((seen,),) = session.execute(SEEN)

    assert seen["prepared"] == 0


def test_calls_at_once_have_a_session_each(server: Server) -> None:
    both = threading.Barrier(2)

    def used() -> int:
        with server.session("ask") as session:
            both.wait(10)
            ((row,),) = session.execute(PID)
            return int(row["pid"])

    with ThreadPoolExecutor() as pool:
        first, second = pool.submit(used), pool.submit(used)

    assert first.result() != second.result()


def test_a_session_that_ended_while_idle_is_replaced_without_an_error(stage: Stage, server: Server) -> None:
    ended = pid(server)
    assert stage.value("SELECT pg_terminate_backend(%s, 5000)", ended) is True

    with server.session("ask") as session:  # which is not retried
        ((row,),) = session.execute(PID)

    assert row["pid"] != ended


def test_a_session_that_ends_in_use_is_unreachable_and_the_statement_is_not_sent_again(
    stage: Stage, server: Server
) -> None:
    stage.superuser.execute("CREATE SEQUENCE IF NOT EXISTS sent")
    stage.superuser.execute("GRANT ALL ON SEQUENCE sent TO coppice_admin")
    pid(server)

    with pytest.raises(Unreachable), server.session("do this") as session:
        session.execute(
            sql.SQL("SELECT nextval('public.sent')"), sql.SQL("SELECT pg_terminate_backend(pg_backend_pid())")
        )

    try:
        assert stage.value("SELECT last_value FROM sent") == 1
    finally:
        stage.superuser.execute("DROP SEQUENCE sent")


def test_why_there_is_no_new_session_is_said_as_it_was_without_one_before(
    stage: Stage, server: Server
) -> None:
    used = pid(server)
    others = f"SELECT count(*) FROM pg_stat_activity WHERE usename = 'coppice_admin' AND pid <> {used}"
    until("the sessions of earlier tests have ended", lambda: stage.value(others) == 0)
    stage.superuser.execute("ALTER ROLE coppice_admin CONNECTION LIMIT 1")
    with server.session("ask") as session:
        session.execute(PID)
        with pytest.raises(Throttled, match=r"did not ask as well: .*too many connections"):
            pid(server, what="ask as well")
    stage.superuser.execute("ALTER ROLE coppice_admin NOLOGIN")
    try:
        assert pid(server) == used
        stage.value("SELECT pg_terminate_backend(%s, 5000)", used)
        with pytest.raises(Forbidden, match="is not permitted to log in"):
            pid(server)
    finally:
        stage.superuser.execute("ALTER ROLE coppice_admin LOGIN")


def test_nothing_of_one_call_is_left_for_the_next(stage: Stage, server: Server) -> None:
    stage.superuser.execute("GRANT pg_monitor TO coppice_admin")
    try:
        with server.session("look") as session:
            (new,) = session.execute(SEEN)
        with server.session("leave things behind", seconds=300) as session:
            session.execute(*map(sql.SQL, LEFT_BEHIND))
            ((changed,),) = session.execute(SEEN)
            (before,) = session.execute(PID)
        with server.session("look") as session:
            (seen, after) = session.execute(SEEN, PID)
    finally:
        stage.superuser.execute("REVOKE pg_monitor FROM coppice_admin")

    assert [new[0][name] == changed[name] for name in changed] == [False, True] + [False] * 5
    assert (seen, after) == (new, before)


def test_a_session_with_an_open_transaction_is_not_kept(server: Server) -> None:
    with server.session("leave it open") as session:
        ((row,),) = session.execute(PID)
        session.execute(sql.SQL("BEGIN"))

    assert pid(server) != row["pid"]


def test_a_session_in_which_something_went_wrong_is_not_kept(server: Server) -> None:
    used = pid(server)
    with pytest.raises(Rejected), server.session("do this") as session:
        session.execute(sql.SQL("SELECT 1 / 0"))

    assert pid(server) != used


def test_the_time_limit_is_that_of_the_call(server: Server) -> None:
    shown = []
    for seconds in (300, 15, 1):
        with server.session("ask", seconds=seconds) as session:
            ((row,),) = session.execute(sql.SQL("SHOW statement_timeout"))
        shown.append(row["statement_timeout"])

    assert shown == ["5min", "15s", "1s"]


def test_a_statement_that_needs_to_be_alone_is_alone_in_a_session_that_was_kept(
    stage: Stage, server: Server
) -> None:
    pid(server)
    with server.session("create it") as session:
        session.execute_alone(sql.SQL("CREATE DATABASE alone"))

    assert stage.value("SELECT count(*) FROM pg_database WHERE datname = 'alone'") == 1


def test_no_session_stays_in_a_database_of_a_branch(stage: Stage) -> None:
    stage.template()
    stage.make(template=TEMPLATE)

    there = "SELECT count(*) FROM pg_stat_activity WHERE datname IN (%s, %s)"
    while stage.value(there, NAME, TEMPLATE):  # closing one is only a message on its way
        pass


@pytest.mark.parametrize(("template", "kept"), [("", False), ("template1", False), ("staging", True)])
def test_no_session_stays_in_the_template(stage: Stage, template: str, kept: bool) -> None:
    server = Server(stage.cluster.admin.replace("/postgres", "/template1"), template=template)

    assert (pid(server) == pid(server)) is kept


def test_an_idle_session_is_closed_without_another_call(stage: Stage) -> None:
    server = Server(stage.cluster.admin, idle=IdleSessions(seconds=0.05))
    used = {pid(server), pid(server)}

    while used & sessions(stage):
        pass

    assert pid(server) not in used


def test_a_session_is_not_used_for_ever(stage: Stage) -> None:
    server = Server(stage.cluster.admin, idle=IdleSessions(most_seconds=0))

    assert pid(server) != pid(server)


def test_a_server_that_is_used_no_more_has_no_session(stage: Stage) -> None:
    server = Server(stage.cluster.admin)
    used = pid(server)
    assert used in sessions(stage)

    del server

    while used in sessions(stage):
        pass
