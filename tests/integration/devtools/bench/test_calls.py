"""The recorder sees each exchange once, however the libraries make it."""

import http.server
import threading
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
import urllib3

from devtools.bench.calls import POSTGRES, Recorder, recorded
from devtools.emulators.postgres.server import PostgresMissingError, postgres


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers 200; on /moved it redirects, and on /busy it refuses every other request."""

    protocol_version = "HTTP/1.1"
    refused = 0

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        status = HTTPStatus.OK
        if path == "/moved":
            status = HTTPStatus.FOUND
        elif path == "/busy":
            _Handler.refused += 1
            status = HTTPStatus.SERVICE_UNAVAILABLE if _Handler.refused % 2 else HTTPStatus.OK
        self.send_response(status)
        self.send_header("Location", "/there?token=hush")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    try:
        with postgres() as running:
            yield running.superuser
    except PostgresMissingError as error:
        pytest.skip(str(error))


def whats(recorder: Recorder) -> list[str]:
    return [call.what for call in recorder.calls]


def test_a_request_that_is_sent_again_and_one_that_is_redirected_are_two_calls_each(port: int) -> None:
    retries = urllib3.Retry(2, status_forcelist=[503])
    with recorded({port: "github"}) as recorder, urllib3.PoolManager(retries=retries) as pool:
        assert pool.request("GET", f"http://127.0.0.1:{port}/busy").status == HTTPStatus.OK
        pool.request("GET", f"http://127.0.0.1:{port}/moved")
    assert whats(recorder) == ["GET /busy", "GET /busy", "GET /moved", "GET /there"]
    assert [call.opened for call in recorder.calls] == [True, False, False, False]
    assert {call.system for call in recorder.calls} == {"github"}


def test_what_requests_sends_is_recorded_and_another_port_is_named_by_its_address(port: int) -> None:
    with recorded({}) as recorder, requests.Session() as session:
        session.trust_env = False
        session.get(f"http://127.0.0.1:{port}/moved", timeout=5)
    assert whats(recorder) == ["GET /moved", "GET /there"]
    assert {call.system for call in recorder.calls} == {f"127.0.0.1:{port}"}


def test_a_call_that_fails_is_recorded() -> None:
    with (
        recorded({1: "arm"}) as recorder,
        urllib3.PoolManager(retries=False) as pool,
        pytest.raises(urllib3.exceptions.HTTPError),
    ):
        pool.request("GET", "http://127.0.0.1:1/")
    assert [(call.system, call.what) for call in recorder.calls] == [("arm", "GET /")]


def test_nothing_is_recorded_afterwards(port: int, database: str) -> None:
    with recorded({port: "arm"}) as recorder:
        pass
    with urllib3.PoolManager() as pool, psycopg.connect(database) as session:
        pool.request("GET", f"http://127.0.0.1:{port}/")
        session.execute("SELECT 1")
    assert recorder.calls == []


def test_each_round_trip_of_a_session_is_one_call(database: str) -> None:
    with recorded({}) as recorder, psycopg.connect(database, autocommit=True) as session:
        session.execute("SELECT 'hush'")
        session.execute(psycopg.sql.SQL("COMMENT ON DATABASE postgres IS {}").format("hush"))
        with session.transaction():
            session.execute("SELECT %s", ["hush"])
        with pytest.raises(RuntimeError), session.transaction():
            raise RuntimeError
        session.execute("SELECT 1; SELECT 2")
    assert whats(recorder) == [
        "connect postgres",
        "SELECT '…'",
        "COMMENT ON DATABASE postgres IS '…'",
        "BEGIN",
        "SELECT %s",
        "COMMIT",
        "BEGIN",
        "ROLLBACK",
        "SELECT 1; SELECT 2",
    ]
    assert {(call.system, call.kind) for call in recorder.calls} == {(POSTGRES, "sql")}
    assert [call.what for call in recorder.calls if call.writes] == ["COMMENT ON DATABASE postgres IS '…'"]


def test_a_pipeline_is_one_call_for_each_time_that_its_answers_are_waited_for(database: str) -> None:
    with (
        psycopg.connect(database, autocommit=True) as session,
        recorded({}) as recorder,
        session.pipeline(),
    ):
        session.execute("SELECT pg_sleep(0.05)")
        session.execute("SELECT 2")
    assert whats(recorder) == ["SELECT pg_sleep(0.05); SELECT 2"]


def test_a_connection_that_the_class_opens_is_recorded_like_one_that_the_module_opens(database: str) -> None:
    with recorded({}) as recorder, psycopg.Connection.connect(database, dbname="template1"):
        pass
    assert whats(recorder) == ["connect template1"]
