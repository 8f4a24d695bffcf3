"""The part of the Azure Queue REST API that `azure-storage-queue` uses, over queues in memory.

So functions host and program have one way to a queue, whether that is Azure, Azurite or nothing at all. The
operations are those of https://learn.microsoft.com/rest/api/storageservices/queue-service-rest-api. What it
does not do: check who asks (any key or token is taken), access policies, metadata, pages of queues.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devtools.emulators.queues.store import Queues, RefusedError
from devtools.emulators.queues.xml import error_xml, message_text, messages_xml, queues_xml, rfc1123

_WEEK = 7 * 24 * 3600  # seconds; the longest time for which a message can be hidden


def queue_service(queues: Queues) -> Starlette:
    """Return the REST API as an ASGI application.

    Args:
        queues: the storage of the messages.

    Returns:
        The application; the account is the first segment of each path, as in every emulator.
    """
    operations = _Operations(queues)
    return Starlette(
        routes=[
            Route("/{account}", operations.list_queues, methods=["GET"]),
            Route("/{account}/", operations.list_queues, methods=["GET"]),
            Route("/{account}/{queue}", operations.queue, methods=["GET", "PUT", "DELETE"]),
            Route("/{account}/{queue}/messages", operations.put, methods=["POST"]),
            Route("/{account}/{queue}/messages", operations.get, methods=["GET"]),
            Route("/{account}/{queue}/messages", operations.clear, methods=["DELETE"]),
            Route("/{account}/{queue}/messages/{id}", operations.update, methods=["PUT"]),
            Route("/{account}/{queue}/messages/{id}", operations.delete, methods=["DELETE"]),
        ],
        exception_handlers={RefusedError: _refusal},
    )


class _Operations:
    """The operations of the service, one method each.

    No method awaits between reading and writing, so no lock is needed.
    """

    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    async def list_queues(self, _request: Request) -> Response:
        return _xml(queues_xml(self._queues.names()))

    async def queue(self, request: Request) -> Response:
        name, comp = request.path_params["queue"], request.query_params.get("comp")
        match request.method, comp:
            case "PUT", None:
                return Response(status_code=201 if self._queues.create(name) else 204)
            case "DELETE", None:
                self._queues.delete(name)
                return Response(status_code=204)
            case (("GET" | "HEAD"), "metadata"):
                return Response(headers={"x-ms-approximate-messages-count": str(self._queues.count(name))})
        raise RefusedError(400, "UnsupportedQueryParameter", f"Not here: {request.method} with comp={comp}.")

    async def put(self, request: Request) -> Response:
        message = self._queues.put(
            request.path_params["queue"],
            message_text(await request.body()),
            delay=_number(request, "visibilitytimeout", default=0, low=0, high=_WEEK),
            ttl=_number(request, "messagettl", default=_WEEK, low=-1, high=2**31),
        )
        return _xml(messages_xml([message], without=("MessageText", "DequeueCount")), status=201)

    async def get(self, request: Request) -> Response:
        name = request.path_params["queue"]
        limit = _number(request, "numofmessages", default=1, low=1, high=32)
        if request.query_params.get("peekonly") == "true":
            peeked = self._queues.peek(name, limit=limit)
            return _xml(messages_xml(peeked, without=("PopReceipt", "TimeNextVisible")))
        lock = _number(request, "visibilitytimeout", default=30, low=1, high=_WEEK)
        return _xml(messages_xml(self._queues.take(name, limit=limit, lock=lock)))

    async def clear(self, request: Request) -> Response:
        self._queues.clear(request.path_params["queue"])
        return Response(status_code=204)

    async def update(self, request: Request) -> Response:
        body = await request.body()
        message = self._queues.update(
            request.path_params["queue"],
            request.path_params["id"],
            request.query_params.get("popreceipt", ""),
            delay=_number(request, "visibilitytimeout", default=30, low=0, high=_WEEK),
            text=message_text(body) if body else None,
        )
        headers = {
            "x-ms-popreceipt": message.receipt,
            "x-ms-time-next-visible": rfc1123(message.visible_from),
        }
        return Response(status_code=204, headers=headers)

    async def delete(self, request: Request) -> Response:
        path = request.path_params
        self._queues.remove(path["queue"], path["id"], request.query_params.get("popreceipt", ""))
        return Response(status_code=204)


def _refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    response = _xml(error_xml(error), status=error.status)
    response.headers["x-ms-error-code"] = error.code
    return response


def _xml(body: bytes, *, status: int = 200) -> Response:
    return Response(body, status_code=status, media_type="application/xml")


def _number(request: Request, name: str, *, default: int, low: int, high: int) -> int:
    value = request.query_params.get(name, str(default))
    try:
        number = int(value)
    except ValueError as error:
        raise RefusedError(400, "InvalidQueryParameterValue", f"{name} is no number: {value!r}.") from error
    if not low <= number <= high:
        raise RefusedError(400, "OutOfRangeQueryParameterValue", f"{name} is {number}, not {low} to {high}.")
    return number
