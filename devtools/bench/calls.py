"""Records every call that the program makes to an outside system: where to, when, and from which thread.

It hooks into the two libraries that all calls go through, at the place where one exchange is made:

* urllib3, also below `requests`: one request and its answer. What urllib3 sends again counts again.
* psycopg: the opening of a connection, and each wait for an answer of the server. That covers statements,
  the begin and the end of a transaction, and a pool's own connections. What a pipeline only sends is no call
  yet; the wait for its answers is one, whatever number of statements it holds.

No password and no token is recorded: of an address only the path is kept, and of a statement no literal.
"""

import contextlib
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.waiting import Wait
from urllib3.connectionpool import HTTPConnectionPool

KUBERNETES, GITHUB, ARM, POSTGRES = SYSTEMS = ("kubernetes", "github", "arm", "postgres")
_LITERAL = re.compile(r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)
_OF_THE_SESSION = {"SET", "RESET", "DEALLOCATE", "DISCARD"}  # they concern nothing but the session itself
_OF_A_TRANSACTION = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"}
_READING = {"GET", "HEAD", "SELECT", "WITH", "SHOW", "VALUES", "connect", "wait", ""}
_HARMLESS = _READING | _OF_THE_SESSION | _OF_A_TRANSACTION
_DRY_RUN = "dryRun=All"
_NAMES = {
    "BaseTransaction._enter_gen": "BEGIN",
    "BaseTransaction._exit_gen": "COMMIT",
    "BaseConnection._commit_gen": "COMMIT",
    "BaseConnection._rollback_gen": "ROLLBACK",
}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call.

    Attributes:
        system: the outside system.
        what: the method and the path, or the statement without its literals.
        began: when it began, in seconds of `time.perf_counter`.
        ended: when its answer was there.
        kind: an HTTP request or a round trip of SQL.
        thread: the thread that waited for it.
        opened: whether a connection was opened for it.
    """

    system: str
    what: str
    began: float
    ended: float
    kind: Literal["http", "sql"] = "http"
    thread: int = 0
    opened: bool = False

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    @property
    def writes(self) -> bool:
        """Whether it can have changed something."""
        if self.what.endswith("(dry run)"):
            return False
        statements = self.what.split("; ") if self.kind == "sql" else [self.what]
        return any(_verb(each) not in _HARMLESS for each in statements)


@dataclass(kw_only=True)
class Recorder:
    """The recorded calls.

    Attributes:
        ports: port → the system that listens there.
        calls: the calls, in the order in which they ended.
    """

    ports: Mapping[int, str]
    calls: list[Call] = field(default_factory=list)

    def note(self, began: float, **more: Any) -> None:
        """Record a call that has just ended."""
        ended = time.perf_counter()
        self.calls.append(Call(began=began, ended=ended, thread=threading.get_ident(), **more))


@contextlib.contextmanager
def recorded(ports: Mapping[int, str]) -> Iterator[Recorder]:
    """Record the calls of all threads while the context lasts.

    Args:
        ports: port → the system that listens there.

    Yields:
        The recorder.
    """
    recorder = Recorder(ports=ports)
    connected = _connected(recorder)
    with (
        patch.object(HTTPConnectionPool, "_make_request", _requested(recorder)),
        patch.object(psycopg.Connection, "connect", classmethod(connected)),
        patch.object(psycopg, "connect", lambda *rest, **more: connected(psycopg.Connection, *rest, **more)),
        patch.object(psycopg.Connection, "wait", _waited(recorder)),
    ):
        yield recorder


def _requested(recorder: Recorder) -> Callable[..., Any]:
    make = HTTPConnectionPool._make_request  # noqa: SLF001  (urlopen calls itself to send again)

    def request(pool: HTTPConnectionPool, conn: Any, method: str, url: str, *rest: Any, **more: Any) -> Any:
        began, opened = time.perf_counter(), getattr(conn, "sock", None) is None
        try:
            return make(pool, conn, method, url, *rest, **more)
        finally:
            system = recorder.ports.get(pool.port or 0, f"{pool.host}:{pool.port}")
            recorder.note(began, system=system, what=shown_request(method, url), opened=opened)

    return request


def _connected(recorder: Recorder) -> Callable[..., Any]:
    connect = psycopg.Connection.connect.__func__  # type: ignore[attr-defined]  # of the class that is asked

    def connected(cls: type[Any], conninfo: str = "", **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return connect(cls, conninfo, **more)
        finally:
            database = more.get("dbname") or conninfo_to_dict(conninfo).get("dbname") or ""
            recorder.note(began, system=POSTGRES, what=f"connect {database}", kind="sql", opened=True)

    return connected


def _waited(recorder: Recorder) -> Callable[..., Any]:
    wait = psycopg.Connection.wait
    queued: defaultdict[int, list[str]] = defaultdict(list)  # what a pipeline has sent, by connection

    def waited(connection: Any, gen: Generator[Any, Any, Any], *rest: Any, **more: Any) -> Any:
        pipeline = connection.pgconn.pipeline_status != psycopg.pq.PipelineStatus.OFF
        statement, states, began = _statement(connection, gen), set[int](), time.perf_counter()
        try:
            return wait(connection, _watched(gen, states), *rest, **more)
        finally:
            if not pipeline and states:
                recorder.note(began, system=POSTGRES, what=statement, kind="sql")
            elif pipeline and Wait.R not in states:
                queued[id(connection)].append(statement)
            elif pipeline:
                sent = [each for each in queued.pop(id(connection), []) if each != "wait"]
                what = "; ".join([*sent, statement] if statement != "wait" else sent) or "wait"
                recorder.note(began, system=POSTGRES, what=what, kind="sql")

    return waited


def _watched(gen: Generator[Any, Any, Any], states: set[int]) -> Generator[Any, Any, Any]:
    """Pass on what a generator of psycopg waits for, and note it."""
    ready = None
    try:
        while True:
            state = gen.send(ready)
            states.add(state)
            ready = yield state
    except StopIteration as done:
        return done.value


def _statement(connection: Any, gen: Any) -> str:
    """Return what psycopg is about to send: the argument of its generator, which has not begun yet."""
    frame = getattr(gen, "gi_frame", None)
    arguments = frame.f_locals if frame is not None else {}
    query = arguments.get("query")
    if query is None:
        name = _NAMES.get(getattr(gen, "__qualname__", ""), "wait")
        return "ROLLBACK" if name == "COMMIT" and arguments.get("exc_val") is not None else name
    if isinstance(query, bytes):
        query = query.decode(errors="replace")
    return shown_statement(query if isinstance(query, str) else query.as_string(connection))


def shown_request(method: str, url: str) -> str:
    """Return a request as it may be shown: without its query, which can hold a token."""
    parts = urlsplit(url)
    dry = " (dry run)" if _DRY_RUN in parts.query else ""
    return f"{method} {parts.path}{dry}"


def shown_statement(statement: str) -> str:
    """Return statements as they may be shown: on one line, without literals, which can be a password.

    What only concerns the session is left out if there is anything else.
    """
    line = " ".join(_LITERAL.sub("'…'", statement).split())
    statements = [each.strip() for each in line.split(";") if each.strip()]
    return "; ".join([each for each in statements if _verb(each) not in _OF_THE_SESSION] or statements)


def _verb(what: str) -> str:
    return what.partition(" ")[0]
