"""A real PostgreSQL behind the fault proxy: its protocol, as far as it separates one statement from the next.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import asyncio
import struct
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from tests.chaos.faults.wire import Call, Reply

_SSL = 80877103
_READY, _ERROR, _AUTHENTICATION = b"Z", b"E", b"R"
_SETTINGS = ("RESET ", "DEALLOCATE ", "SET ")  # what the program sends before the statements themselves
_ENDS = {b"Q", b"S"}  # a simple query, or the end of an extended one
# The SQLSTATE that corresponds to an HTTP status.
_STATES = {
    401: "28000",  # invalid_authorization_specification
    403: "42501",  # insufficient_privilege
    404: "3D000",  # invalid_catalog_name
    409: "55006",  # object_in_use
    412: "40001",  # serialization_failure
    429: "53300",  # too_many_connections
    500: "XX000",  # internal_error
    503: "57P03",  # cannot_connect_now
}


@dataclass
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: bytes = field(default=b"I")  # of the transaction, in the server's last message

    async def reply(self) -> bytes:
        """The server's messages until it is ready, or until the connection ends."""
        reply = b""
        while True:
            try:
                kind, message = await _message(self.reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                return reply
            reply += message
            if kind == _READY:
                self.state = message[-1:]
                return reply


@dataclass
class Relay:
    """A relay to a server.

    Args:
        host: the server's host.
        port: the server's port.
    """

    host: str
    port: int

    async def exchanges(
        self, system: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> AsyncGenerator["Statement | Connect", None]:
        """A client's calls: the connection, and then each statement."""
        startup = await _startup(reader)
        if struct.unpack_from("!i", startup, 4) == (_SSL,):
            writer.write(b"N")
            startup = await _startup(reader)
        session = _Session(*await asyncio.open_connection(self.host, self.port))
        try:
            database = startup.split(b"\0database\0")[-1].split(b"\0")[0].decode()
            yield Connect(Call(system, "CONNECT", database), session, startup, reader, writer)
            statement = b""
            while True:
                kind, message = await _message(reader)
                statement += message
                if kind == b"X":
                    return
                if kind in _ENDS:
                    yield Statement(Call(system, "STATEMENT", _first_words(statement)), session, statement)
                    statement = b""
        finally:
            session.writer.close()


@dataclass
class Connect:
    """A client's request to connect."""

    call: Call
    session: _Session
    startup: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def execute(self, *, last: bool = False) -> Reply:
        """Relay the authentication; the server's last messages are returned and not yet sent."""
        self.session.writer.write(self.startup)
        while True:
            kind, message = await _message(self.session.reader)
            if kind == _ERROR:
                return Reply(message, last=True)
            asks = kind == _AUTHENTICATION and struct.unpack_from("!i", message, 5)[0] not in {0, 12}
            if kind == _AUTHENTICATION and struct.unpack_from("!i", message, 5)[0] == 0:
                return Reply(message + await self.session.reply(), last)
            self.writer.write(message)
            if asks:
                _, answer = await _message(self.reader)
                self.session.writer.write(answer)

    def refuse(self, status: int) -> Reply:
        """The server's error, which ends the connection."""
        return Reply(_error("FATAL", status), last=True)


@dataclass
class Statement:
    """A statement, or several that are sent as one."""

    call: Call
    session: _Session
    statement: bytes

    async def execute(self, *, last: bool = False) -> Reply:
        """Have the server execute it."""
        self.session.writer.write(self.statement)
        return Reply(await self.session.reply(), last)

    def refuse(self, status: int) -> Reply:
        """The server's error, without executing the statement; a transaction is aborted by it."""
        state = b"I" if self.session.state == b"I" else b"E"
        return Reply(_error("ERROR", status) + _framed(_READY, state))


async def _startup(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(struct.unpack("!i", length)[0] - 4)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """A message's type, and the whole message."""
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _error(severity: str, status: int) -> bytes:
    fields = {"S": severity, "V": severity, "C": _STATES[status], "M": "as the test asked"}
    return _framed(_ERROR, b"".join(f"{name}{value}\0".encode() for name, value in fields.items()) + b"\0")


def _first_words(statement: bytes) -> str:
    """The first words of what a message is about; the rest may contain a password."""
    text = statement[5:] if statement[:1] == b"Q" else statement[5:].partition(b"\0")[2]
    statements = text.split(b"\0")[0].decode().split(";\n")
    about = next((each for each in statements if not each.startswith(_SETTINGS)), statements[0])
    return " ".join(about.split()[:3])
