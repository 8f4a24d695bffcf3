"""Connections to GitHub: kept from thread to thread and from archive to archive, never shared at once."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.github.client_pool import ClientPool
from adapters.github.connections import Connections
from adapters.github.flags import FlagAdapter
from adapters.github.repository import RepositoryAdapter
from devtools.emulators.serving import serving
from tests.integration.adapters.raw import Answer, Asked, raw_server, reply
from tests.integration.adapters.worlds import TOKEN, GitHub

ARCHIVES = "/_codeload"


@dataclass
class Wire:
    """The emulator, with the connection that each request came over."""

    app: ASGIApp
    url: str = ""
    used: list[tuple[str, int]] = field(default_factory=list)
    at_once: asyncio.Barrier | None = None  # lets requests go on when so many have come

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.used.append((scope["path"], scope["client"][1]))
            if self.at_once:
                await asyncio.wait_for(self.at_once.wait(), 10)
            await self.app(scope, receive, send)

    def connections(self, path: str = "/repos/") -> set[int]:
        return {port for asked, port in self.used if asked.startswith(path)}


@pytest.fixture
def wire(github: GitHub) -> Iterator[Wire]:
    counted = Wire(github.emulator)
    with serving(counted) as counted.url:
        yield counted


def repository(connections: Connections) -> RepositoryAdapter:
    return RepositoryAdapter(connections, "acme/todo-app")


def in_a_thread(call: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call).result()


def test_threads_that_come_and_go_use_one_connection(wire: Wire) -> None:
    read = repository(Connections(url=wire.url, token=TOKEN))
    for _ in range(3):
        in_a_thread(read.default_branch)
        in_a_thread(lambda: read.head("main"))
    assert len(wire.used) == 6
    assert len(wire.connections()) == 1


def test_flags_and_the_repository_use_the_same_connection(wire: Wire) -> None:
    connections = Connections(url=wire.url, token=TOKEN)
    repository(connections).default_branch()
    in_a_thread(lambda: FlagAdapter(connections).head("acme/todo-app", "main"))
    assert len(wire.connections()) == 1


def test_no_two_threads_use_a_client_at_once_and_later_ones_find_both(wire: Wire) -> None:
    connections = Connections(url=wire.url, token=TOKEN)
    both = threading.Barrier(2)

    def ask() -> int:
        with connections.api() as client:
            both.wait(10)  # each holds its own by now
            client.requester.requestJsonAndCheck("GET", "/repos/acme/todo-app")
            return id(client)

    for _ in range(2):
        with ThreadPoolExecutor(2) as pool:
            assert len({asked.result() for asked in [pool.submit(ask), pool.submit(ask)]}) == 2
    assert len(wire.connections()) == 2


def test_the_default_branch_and_a_head_are_read_side_by_side(wire: Wire, github: GitHub) -> None:
    read = repository(Connections(url=wire.url, token=TOKEN))
    wire.at_once = asyncio.Barrier(2)
    for _ in range(2):
        with ThreadPoolExecutor(2) as pool:
            default, head = pool.submit(read.default_branch), pool.submit(read.head, "main")
            assert (default.result(), head.result()) == ("main", github.main)
    assert len(wire.used) == 4
    assert len(wire.connections()) == 2


def test_a_client_is_given_back_when_its_call_fails(wire: Wire) -> None:
    connections = Connections(url=wire.url, token=TOKEN)
    hidden = RepositoryAdapter(connections, "acme/hidden")
    for _ in range(2):
        with pytest.raises(Exception, match="acme/hidden"):
            hidden.default_branch()
    repository(connections).default_branch()
    assert len(wire.connections()) == 1


def test_the_connection_to_the_host_of_archives_stays_open(wire: Wire, github: GitHub) -> None:
    read = repository(Connections(url=wire.url, token=TOKEN))
    for _ in range(2):
        in_a_thread(lambda: read.archive(github.main))
        in_a_thread(lambda: read.head("main"))  # which must not take the archives' place
    assert len(wire.connections(ARCHIVES)) == 1
    assert wire.connections(ARCHIVES).isdisjoint(wire.connections())


def test_a_connection_that_was_idle_for_minutes_is_not_used_again(wire: Wire) -> None:
    now = [1000.0]
    read = repository(Connections(url=wire.url, token=TOKEN, clock=lambda: now[0]))
    read.default_branch()
    now[0] += 179
    read.default_branch()
    assert len(wire.connections()) == 1
    now[0] += 181
    read.default_branch()
    assert len(wire.connections()) == 2


def test_clients_that_are_not_needed_anymore_are_closed() -> None:
    @dataclass(eq=False)
    class Client:
        closed: bool = False

        def close(self) -> None:
            self.closed = True

    now = [0.0]
    clients = ClientPool(Client, lambda: now[0])
    with clients.borrow() as first, clients.borrow() as second:
        assert first is not second
    for _ in range(3):
        now[0] += 100
        with clients.borrow() as used:
            assert used is first  # it was given back last
    assert (first.closed, second.closed) == (False, True)


def test_the_host_of_archives_gets_no_credentials_and_no_cookie_of_an_earlier_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login dana password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))

    def answer(asked: Asked) -> Answer:
        if "tarball" in asked.target:
            return reply(302, Location=f"{server.url}/files/x")
        return reply(200, b"\x1f\x8b", type_="application/x-gzip", Set_Cookie="session=1")

    with raw_server(answer) as server:
        assert requests.utils.get_netrc_auth(server.url) == ("dana", "secret")
        read = repository(Connections(url=server.url, token=TOKEN))
        read.archive("abc")
        read.archive("def")
    files = [each.headers for each in server.asked if each.target.startswith("/files/")]
    assert len(files) == 2
    assert not any({"authorization", "cookie"} & set(headers) for headers in files)
