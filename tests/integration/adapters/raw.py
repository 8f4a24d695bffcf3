"""A server of bytes: for the answers that no web framework would give, and to see what was really sent."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came in; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reset:
    """Instead of an answer the connection is reset."""


@dataclass(frozen=True)
class Silence:
    """Instead of an answer nothing comes, until the server goes."""


Answer: TypeAlias = bytes | Reset | Silence


@dataclass(frozen=True)
class Raw:
    """A server, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


def reply(
    status: int, body: bytes = b"", *, type_: str = "application/json", length: int = -1, **headers: str
) -> bytes:
    """An HTTP answer; `length` may lie about the body's."""
    lines = [
        f"HTTP/1.1 {status} So It Is",
        f"Content-Type: {type_}",
        f"Content-Length: {len(body) if length < 0 else length}",
        "Connection: close",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def json_reply(status: int, document: object, **headers: str) -> bytes:
    """An HTTP answer with a JSON body."""
    return reply(status, json.dumps(document).encode(), type_="application/json", length=-1, **headers)


@contextlib.contextmanager
def raw_server(answer: Callable[[Asked], Answer]) -> Iterator[Raw]:
    """Serve in threads of this process; each connection is answered once and closed."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    server = Raw(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            asked = _read(connection)
            if asked is None:
                return
            server.asked.append(asked)
            said = answer(asked)
            if isinstance(said, Silence):
                over.wait(10)
            elif isinstance(said, Reset):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.sendall(said)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while not over.is_set():
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join(5)
        listener.close()


def closed_port() -> str:
    """An address that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _read(connection: socket.socket) -> Asked | None:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    method, target, _ = first.split(" ")
    return Asked(method=method, target=target, headers=headers, body=body)


# What comes with 200 from captive portals, broken proxies and servers that died while they spoke.
GARBAGE: Mapping[str, Answer] = {
    "an HTML page": reply(200, b"<html><body>Sign in to the network</body></html>", type_="text/html"),
    "HTML that says it is JSON": reply(200, b"<html></html>"),
    "nothing": reply(200),
    "a JSON list": reply(200, b"[1, 2]"),
    "a JSON text": reply(200, b'"hello"'),
    "a JSON number": reply(200, b"7"),
    "null": reply(200, b"null"),
    "half of some JSON": reply(200, b'{"name": "ma'),
    "a body cut short": reply(200, b'{"name": "main"}', length=4000),
    "no text": reply(200, b"\xff\xfe\x00\x80"),
    "a gzip that is none": reply(200, b'{"name": "main"}', Content_Encoding="gzip"),
    "a chunk cut short": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"
    ),
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "JSON nested too deeply": reply(200, b"[" * 200_000),
}
