"""HTTP as bytes on a socket, and what else can go over it, or not: half an answer, or none."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Protocol

from tests.chaos.faults.faults import Answer


@dataclass(frozen=True)
class Call:
    """A call of the program's to an outside system."""

    system: str
    method: str
    target: str

    def __str__(self) -> str:
        return f"{self.system}: {self.method} {self.target}"


@dataclass(frozen=True)
class Request:
    """A call with its headers and its body."""

    call: Call
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What goes over the wire; nothing at all resets the connection, and after the `last` it is closed."""

    text: bytes = b""
    last: bool = False


class Exchange(Protocol):
    """A call that has come in and was not yet carried out."""

    call: Call

    async def execute(self, *, last: bool = False) -> Reply:
        """Do what was asked; after the `last` one the connection is closed."""

    def refuse(self, status: int) -> Reply:
        """What the system says if it does not."""


async def read(system: str, reader: asyncio.StreamReader) -> Request | None:
    """The next request; `None` if none comes any more."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        pairs = (line.partition(b":") for line in lines)
        headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
        body = await reader.readexactly(int(dict(headers).get(b"content-length", b"0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, target, _ = first.decode("latin-1").split(" ")
    return Request(Call(system, method, target), headers, body)


def encode(answer: Answer, *, last: bool = False) -> Reply:
    """An answer as it goes over the wire."""
    headers = {**dict(answer.headers), "content-length": str(len(answer.body))}
    headers |= {"connection": "close"} if last else {}
    lines = [f"HTTP/1.1 {answer.status} So", *(f"{name}: {value}" for name, value in headers.items())]
    return Reply("\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body, last)


def cut(whole: Reply) -> Reply:
    """Half of the body, or of all where there is no body."""
    _, _, body = whole.text.partition(b"\r\n\r\n")
    text = whole.text[: -(len(body) // 2)] if len(body) > 1 else whole.text[: len(whole.text) // 2]
    return Reply(text, last=True)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def bound(port: int) -> socket.socket:
    """A loopback socket that has a port and does not listen; 0 takes a free one."""
    # With its protocol named, or else asyncio takes it for one that cannot do without Nagle's waiting.
    created = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    created.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    created.bind(("127.0.0.1", port))
    return created


def port_of(created: socket.socket) -> int:
    """The port that a socket is bound to."""
    port: int = created.getsockname()[1]
    return port
