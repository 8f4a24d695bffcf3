"""`python -m devtools.bench.delay HOST:PORT --milliseconds 30`: a TCP proxy that delays each round trip.

Half of it goes each way, and the opening of a connection takes one round trip too, as on a real line. How
much can be on its way at once is not limited: a far cluster is slow to answer, not narrow.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time

from devtools.interrupts import ended_by_signals

_CHUNK = 64 * 1024


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Forward data in order, each piece the given number of seconds after it arrived."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def send() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(due - time.monotonic())
                if not piece:
                    break
                writer.write(piece)
                await writer.drain()
        writer.close()

    sending = asyncio.create_task(send())
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(_CHUNK):
            pieces.put_nowait((time.monotonic() + delay, piece))
    pieces.put_nowait((time.monotonic() + delay, b""))
    await sending


async def serve(host: str, port: int, *, seconds: float) -> None:
    """Serve until cancelled; the first line on standard output is `{"name": "delay", "url": …}`.

    Args:
        host: the host of the server.
        port: the port of the server.
        seconds: the time that is added to each round trip.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        there, back = await asyncio.open_connection(host, port)
        await asyncio.gather(_carry(reader, back, seconds / 2), _carry(there, writer, seconds / 2))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    own = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"name": "delay", "url": f"https://127.0.0.1:{own}"}) + "\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.bench.delay", description="A line that is far away."
    )
    parser.add_argument("target", help="HOST:PORT of the server behind it")
    parser.add_argument("--milliseconds", type=float, default=30.0, help="added to each round trip")
    arguments = parser.parse_args()
    host, _, port = arguments.target.rpartition(":")
    with contextlib.suppress(KeyboardInterrupt), ended_by_signals():
        asyncio.run(serve(host, int(port), seconds=arguments.milliseconds / 1000))


if __name__ == "__main__":
    main()
