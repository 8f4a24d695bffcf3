"""The proxy in front of every outside system: it counts each call and may inject a fault.

No web server lets a test reset a connection or truncate an answer, so this proxy uses plain sockets and calls
the emulators itself. The calls to all systems have one common order.
"""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

from tests.chaos.faults.clock import Clock
from tests.chaos.faults.faults import Answer, Fault, Injection, refusal
from tests.chaos.faults.relay import Relay
from tests.chaos.faults.wire import Call, Exchange, Reply, Request, bound, cut, encode, port_of, read, reset

T = TypeVar("T")
System: TypeAlias = ASGIApp | Relay
_CALL = 0.5  # seconds of the clock that a call takes
_PATIENCE = 30.0  # seconds of the clock that a call without an answer takes

BadResponse: TypeAlias = Callable[[Answer], Reply]


class FaultProxy:
    """A loopback port for each system.

    Args:
        systems: the emulators or the relays to real systems, by name.
        clock: advances with each call.

    Attributes:
        calls: the calls since the last `start_counting`, in order.
        pid: the process that calls; a fault may kill it.
        bad_response_for: the bad response to a call; `None` if it gets the true one.
    """

    def __init__(self, systems: Mapping[str, System], clock: Clock) -> None:
        self.calls: list[Call] = []
        self.pid = 0
        self.bad_response_for: Callable[[Call], BadResponse | None] = _no_bad_response
        self._systems = systems
        self._clock = clock
        self._injection: Injection | None = None
        self._expected: list[Call] = []
        self._loop = asyncio.new_event_loop()
        self._lock = asyncio.Lock()
        # These sockets are bound and never listen. They keep the ports while connections are refused.
        self._sockets = {name: bound(0) for name in systems}
        self._servers: dict[str, asyncio.Server] = {}
        self._writers: dict[str, set[asyncio.StreamWriter]] = {name: set() for name in systems}

    def url(self, system: str) -> str:
        """The URL of a system."""
        return f"http://{self.address(system)}"

    def address(self, system: str) -> str:
        """The same without a scheme."""
        return f"127.0.0.1:{port_of(self._sockets[system])}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve in a thread of this process for as long as the context lasts."""
        thread = threading.Thread(target=self._loop.run_forever, name="edge", daemon=True)
        thread.start()
        self.accept_connections()
        try:
            yield
        finally:
            for name in self._systems:
                self._do(self._refuse(name))
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(5)
            self._loop.close()
            for each in self._sockets.values():
                each.close()

    def start_counting(
        self, injection: Injection | None = None, *, expected: list[Call] | None = None
    ) -> None:
        """Count calls from zero, and inject a fault.

        Args:
            injection: the fault; `None` for none.
            expected: the calls of the same run without a fault.
        """
        self.calls = []
        self._injection, self._expected = injection, expected or []
        if self._next_is(Fault.REFUSED):
            self._do(self._refuse(self._expected[0].system))
        self._clock.use_short_timeout(short_timeout=self._next_is(Fault.TIMEOUT))

    def _next_is(self, fault: Fault) -> bool:
        """Whether the next call gets this fault."""
        return self._injection == Injection(fault=fault, at=len(self.calls))

    def accept_connections(self) -> None:
        """Accept connections to every system again."""
        self._do(self._reopen())

    def ask(self, system: str, method: str, target: str, document: bytes = b"") -> Answer:
        """Send a request directly to a system; it is not counted and gets no fault."""
        headers = ((b"content-type", b"application/json"),)
        return self._do(self.answer(Request(Call(system, method, target), headers, document)))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _reopen(self) -> None:
        for name, own_socket in self._sockets.items():
            if name not in self._servers:
                self._servers[name] = await asyncio.start_server(
                    partial(self._connected, name), sock=bound(port_of(own_socket))
                )

    async def _refuse(self, system: str, *, but: asyncio.StreamWriter | None = None) -> None:
        """Stop listening, and close every connection except one whose call is being answered."""
        self._servers.pop(system).close()
        for each in self._writers[system] - {but}:
            each.close()

    async def _connected(
        self, system: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._writers[system].add(writer)
        served = self._systems[system]
        try:
            async with contextlib.aclosing(
                served.exchanges(system, reader, writer)
                if isinstance(served, Relay)
                else self._exchanges(system, reader)
            ) as exchanges:
                async for each in exchanges:
                    async with self._lock:
                        answer = await self._answer_or_fail(each, reader, writer)
                    if not answer.text:
                        reset(writer)
                        return
                    writer.write(answer.text)
                    await writer.drain()
                    if answer.last:
                        return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers[system].discard(writer)
            writer.close()

    async def _exchanges(self, system: str, reader: asyncio.StreamReader) -> AsyncGenerator[Exchange, None]:
        while (request := await read(system, reader)) is not None:
            yield _Http(self, request)

    async def _answer_or_fail(
        self, exchange: Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Reply:
        """Count a call, and answer it or inject the fault."""
        injection = self._injection
        fault = injection.fault if injection and injection.at == len(self.calls) else None
        self.calls.append(exchange.call)
        self._clock.advance(_CALL)
        self._clock.use_short_timeout(short_timeout=self._next_is(Fault.TIMEOUT))
        match fault:
            case Fault.RESET:
                return Reply()
            case Fault.TIMEOUT:
                self._clock.advance(_PATIENCE)
                await reader.read()  # until the caller's timeout
                return Reply()
            case Fault.KILLED_BEFORE:
                os.kill(self.pid, signal.SIGKILL)
                return Reply()
            case Fault.LOST | Fault.KILLED_AFTER:
                await exchange.execute()
                if fault is Fault.KILLED_AFTER:
                    os.kill(self.pid, signal.SIGKILL)
                return Reply()
            case Fault.TRUNCATED:
                return cut(await exchange.execute())
        if fault and fault.status:
            return exchange.refuse(fault.status)
        if self._next_is(Fault.REFUSED):
            answer = await exchange.execute(last=True)
            await self._refuse(self._expected[len(self.calls)].system, but=writer)
            return answer
        return await exchange.execute()

    async def answer(self, request: Request) -> Answer:
        """An emulator's answer to a request."""
        call, app = request.call, self._systems[request.call.system]
        assert not isinstance(app, Relay)
        path, _, query = call.target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": call.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": list(request.headers),
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", port_of(self._sockets[call.system])),
        }
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Message) -> None:
            messages.append(message)

        await app(scope, receive, send)
        first, *rest = messages
        headers = tuple((key.decode("latin-1"), value.decode("latin-1")) for key, value in first["headers"])
        body = b"".join(each.get("body", b"") for each in rest)
        return Answer(status=first["status"], headers=headers, body=body)


class _Http:
    """One request to an emulator."""

    def __init__(self, proxy: FaultProxy, request: Request) -> None:
        self.call = request.call
        self._edge, self._request = proxy, request

    async def execute(self, *, last: bool = False) -> Reply:
        answer = await self._edge.answer(self._request)
        bad_response = self._edge.bad_response_for(self.call)
        return bad_response(answer) if bad_response else encode(answer, last=last)

    def refuse(self, status: int) -> Reply:
        return encode(refusal(self.call.system, status))


def _no_bad_response(_: Call) -> None:
    """Every call gets the true response."""
