"""Serve an ASGI application on a loopback port: in this process for a test, or as a process of its own.

Every emulator and the local host are started through this file, so that they start, say that they are ready
and stop in one way.
"""

import contextlib
import errno
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from devtools.interrupts import ended_by_signals

_START_TIMEOUT = 10.0  # seconds


def _bound(port: int) -> socket.socket:
    listener = socket.socket(
        proto=socket.IPPROTO_TCP
    )  # asyncio sets TCP_NODELAY only where the protocol is named
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()  # whoever reads the URL may connect at once, and waits until the server accepts
    return listener


def _config(app: ASGIApp) -> uvicorn.Config:
    # Longer than clients keep a connection: one that closes as it is used again looks like an outage.
    return uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, timeout_keep_alive=75
    )


class _AnnouncedServer(uvicorn.Server):
    """A server that prints a line once it is up.

    A reader of the line may send a signal at once. Earlier, the signal would interrupt the start of the event
    loop, with a traceback; by now uvicorn's own handlers end the server in order.
    """

    def __init__(self, config: uvicorn.Config, line: str) -> None:
        super().__init__(config)
        self._line = line

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the line."""
        await super().startup(sockets)
        sys.stdout.write(self._line + "\n")
        sys.stdout.flush()


def serve_forever(app: ASGIApp, *, port: int, name: str) -> None:
    """Serve until interrupted; the first line on standard output is `{"name": …, "url": …}`.

    Args:
        app: the application.
        port: the loopback port; 0 takes a free one, which the printed line tells.
        name: what is being served, for the printed line.
    """
    try:
        listener = _bound(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.exit(f"Port {port} is taken: something else listens there. Is it another one of these?")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with contextlib.suppress(KeyboardInterrupt), ended_by_signals():
        _AnnouncedServer(_config(app), json.dumps({"name": name, "url": url})).run(sockets=[listener])


@contextlib.contextmanager
def serving(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Serve in a thread of this process for as long as the context lasts.

    Args:
        app: the application.
        port: the loopback port; 0 takes a free one.

    Yields:
        The base URL, without a trailing slash.

    Raises:
        RuntimeError: the server did not start within ten seconds.
    """
    listener = _bound(port)
    server = uvicorn.Server(_config(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_TIMEOUT
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()
