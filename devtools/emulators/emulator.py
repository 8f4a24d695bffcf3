"""What every emulator can do beside its own API: remember requests, show its state and fail on demand.

It wraps the application, so no emulator has to know about it, and a test reads all emulators in the same way:
in the same process (`emulator.requests`) or from another one (`GET /_emulator/requests`).
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PREFIX = "/_emulator/"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and the status it was answered with; the path is decoded and has no query."""

    method: str
    path: str
    status: int


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error to answer with, instead of doing what was asked.

    Attributes:
        status: the HTTP status.
        code: the API's own error code, where it has such a thing; empty takes the usual one of the status.
        path_prefix: only requests whose decoded path begins so.
        method: only this method; empty means all.
        times: for how many requests.
        retry_after: seconds to send as `Retry-After`; absent if not set.
    """

    status: int
    code: str = ""
    path_prefix: str = "/"
    method: str = ""
    times: int = 1
    retry_after: int | None = None

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request is one of those that shall fail."""
        return path.startswith(self.path_prefix) and self.method in {"", method}


class Emulator:
    """An ASGI application around another one.

    Args:
        app: the emulator's own API.
        state: gives the JSON document that `GET /_emulator/state` answers with.
        error: makes the body of an error in the API's own shape, from its status and its code.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        state: Callable[[], Mapping[str, object]],
        error: Callable[[int, str], Mapping[str, object]],
    ) -> None:
        self._app = app
        self._state = state
        self._error = error
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []
        self._failures: list[Failure] = []

    @property
    def requests(self) -> list[Exchange]:
        """What was asked so far, newest last."""
        with self._lock:
            return list(self._exchanges)

    def fail(self, failure: Failure) -> None:
        """From now on answer with an error, as often as the failure says."""
        with self._lock:
            self._failures.append(failure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request: its own pages, a failure that was asked for, or the emulator's API."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        if path.startswith(_PREFIX):
            response = await self._own_page(Request(scope, receive))
            await response(scope, receive, send)
            return

        async def remember(message: Message) -> None:
            if message["type"] == "http.response.start":
                with self._lock:
                    self._exchanges.append(Exchange(method=method, path=path, status=message["status"]))
            await send(message)

        failure = self._due_failure(method, path)
        if failure is None:
            await self._app(scope, receive, remember)
        else:
            await self._answer(failure)(scope, receive, remember)

    def _due_failure(self, method: str, path: str) -> Failure | None:
        with self._lock:
            for place, failure in enumerate(self._failures):
                if failure.concerns(method, path):
                    if failure.times > 1:
                        self._failures[place] = replace(failure, times=failure.times - 1)
                    else:
                        del self._failures[place]
                    return failure
        return None

    def _answer(self, failure: Failure) -> Response:
        headers = {} if failure.retry_after is None else {"Retry-After": str(failure.retry_after)}
        body = self._error(failure.status, failure.code)
        return JSONResponse(body, status_code=failure.status, headers=headers)

    async def _own_page(self, request: Request) -> Response:
        page = (request.method, request.url.path.removeprefix(_PREFIX))
        if page == ("GET", "requests"):
            return JSONResponse([asdict(exchange) for exchange in self.requests])
        if page == ("GET", "state"):
            return JSONResponse(self._state())
        if page == ("POST", "fail"):
            try:
                self.fail(Failure(**json.loads(await request.body())))
            except (ValueError, TypeError) as error:
                return PlainTextResponse(f"not a failure to ask for: {error}\n", status_code=400)
            return Response(status_code=204)
        return PlainTextResponse("GET requests, GET state or POST fail\n", status_code=404)
