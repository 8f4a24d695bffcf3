"""The edge of the outside: every call passes here, is counted, and may meet a fault.

A web server would not let a test reset a connection or cut an answer short, so this one is made of bare
sockets; what it serves are the emulators themselves. All systems share one order of calls.
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
from tests.chaos.faults.wire import Call, Exchange, Request, Said, bound, cut, port_of, read, reset, said

T = TypeVar("T")
System: TypeAlias = ASGIApp | Relay
_CALL = 0.5  # seconds of the clock that a call takes
_PATIENCE = 30.0  # and one that is never answered

Lie: TypeAlias = Callable[[Answer], Said]


class Edge:
    """A loopback port for each system.

    Args:
        systems: the emulators, by name; or what relays to a real system.
        clock: goes on with each call.

    Attributes:
        calls: what was asked since the last `watch`, in order.
        pid: the process that calls; it may be killed.
        liar: what becomes of the answer to a call; `None` if nothing does.
    """

    def __init__(self, systems: Mapping[str, System], clock: Clock) -> None:
        self.calls: list[Call] = []
        self.pid = 0
        self.liar: Callable[[Call], Lie | None] = _nobody_lies
        self._systems = systems
        self._clock = clock
        self._injection: Injection | None = None
        self._expected: list[Call] = []
        self._loop = asyncio.new_event_loop()
        self._turn = asyncio.Lock()
        # Bound and never listening: they keep the ports while nobody answers there.
        self._kept = {name: bound(0) for name in systems}
        self._doors: dict[str, asyncio.Server] = {}
        self._callers: dict[str, set[asyncio.StreamWriter]] = {name: set() for name in systems}

    def url(self, system: str) -> str:
        """Where a system is reached."""
        return f"http://{self.address(system)}"

    def address(self, system: str) -> str:
        """The same without a scheme."""
        return f"127.0.0.1:{port_of(self._kept[system])}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve in a thread of this process for as long as the context lasts."""
        thread = threading.Thread(target=self._loop.run_forever, name="edge", daemon=True)
        thread.start()
        self.mend()
        try:
            yield
        finally:
            for name in self._systems:
                self._do(self._refuse(name))
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(5)
            self._loop.close()
            for each in self._kept.values():
                each.close()

    def watch(self, injection: Injection | None = None, *, expected: list[Call] | None = None) -> None:
        """Count from nought, and let a fault happen.

        Args:
            injection: the fault; `None` for none.
            expected: the calls of the same run without a fault.
        """
        self.calls = []
        self._injection, self._expected = injection, expected or []
        if self._next_is(Fault.REFUSED):
            self._do(self._refuse(self._expected[0].system))
        self._clock.hurry(hurried=self._next_is(Fault.TIMEOUT))

    def _next_is(self, fault: Fault) -> bool:
        """Whether this is what will happen to the next call."""
        return self._injection == Injection(fault=fault, at=len(self.calls))

    def mend(self) -> None:
        """Let every system be reached again."""
        self._do(self._reopen())

    def ask(self, system: str, method: str, target: str, document: bytes = b"") -> Answer:
        """Ask a system past the edge: neither counted nor struck."""
        headers = ((b"content-type", b"application/json"),)
        return self._do(self.answer(Request(Call(system, method, target), headers, document)))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _reopen(self) -> None:
        for name, kept in self._kept.items():
            if name not in self._doors:
                self._doors[name] = await asyncio.start_server(
                    partial(self._connected, name), sock=bound(port_of(kept))
                )

    async def _refuse(self, system: str, *, but: asyncio.StreamWriter | None = None) -> None:
        """Listen no longer, and let go whoever is connected but for one who is being answered."""
        self._doors.pop(system).close()
        for each in self._callers[system] - {but}:
            each.close()

    async def _connected(
        self, system: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._callers[system].add(writer)
        served = self._systems[system]
        try:
            async with contextlib.aclosing(
                served.exchanges(system, reader, writer)
                if isinstance(served, Relay)
                else self._exchanges(system, reader)
            ) as exchanges:
                async for each in exchanges:
                    async with self._turn:
                        answer = await self._meet(each, reader, writer)
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
            self._callers[system].discard(writer)
            writer.close()

    async def _exchanges(self, system: str, reader: asyncio.StreamReader) -> AsyncGenerator[Exchange, None]:
        while (request := await read(system, reader)) is not None:
            yield _Http(self, request)

    async def _meet(
        self, exchange: Exchange, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Said:
        """Count a call, and let happen to it what shall."""
        injection = self._injection
        fault = injection.fault if injection and injection.at == len(self.calls) else None
        self.calls.append(exchange.call)
        self._clock.go_on(_CALL)
        self._clock.hurry(hurried=self._next_is(Fault.TIMEOUT))
        match fault:
            case Fault.RESET:
                return Said()
            case Fault.TIMEOUT:
                self._clock.go_on(_PATIENCE)
                await reader.read()  # until the caller has had enough
                return Said()
            case Fault.KILLED_BEFORE:
                os.kill(self.pid, signal.SIGKILL)
                return Said()
            case Fault.LOST | Fault.KILLED_AFTER:
                await exchange.carry_out()
                if fault is Fault.KILLED_AFTER:
                    os.kill(self.pid, signal.SIGKILL)
                return Said()
            case Fault.TRUNCATED:
                return cut(await exchange.carry_out())
        if fault and fault.status:
            return exchange.refuse(fault.status)
        if self._next_is(Fault.REFUSED):
            answer = await exchange.carry_out(last=True)
            await self._refuse(self._expected[len(self.calls)].system, but=writer)
            return answer
        return await exchange.carry_out()

    async def answer(self, request: Request) -> Answer:
        """What an emulator says to a request."""
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
            "server": ("127.0.0.1", port_of(self._kept[call.system])),
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

    def __init__(self, edge: Edge, request: Request) -> None:
        self.call = request.call
        self._edge, self._request = edge, request

    async def carry_out(self, *, last: bool = False) -> Said:
        answer = await self._edge.answer(self._request)
        lie = self._edge.liar(self.call)
        return lie(answer) if lie else said(answer, last=last)

    def refuse(self, status: int) -> Said:
        return said(refusal(self.call.system, status))


def _nobody_lies(_: Call) -> None:
    """Every answer goes out as it is."""
