"""HTTP triggers: routes in the order of function names, and function keys.

No route, or none with this method, is 404, as with the real host.
"""

import asyncio
import hmac
import logging
from functools import partial

import azure.functions as func
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router, request_response

from devtools.host.admin import run_function
from devtools.host.bindings import Function, HttpTrigger, Index
from devtools.host.invoke import Invoker, Result

_log = logging.getLogger("host")


def http_app(index: Index, *, prefix: str, invoker: Invoker, key: str | None, body_limit: int) -> Router:
    """Return the HTTP side of the host as an ASGI application.

    Args:
        index: the functions.
        prefix: the route prefix, without slashes at its ends; may be empty.
        invoker: runs the functions.
        key: the function key; None means that no key is required.
        body_limit: the most bytes that a request body may have.

    Returns:
        The application.
    """

    async def call(request: Request) -> Response:
        found = _find(index, request, prefix)
        if found is None:
            return Response(status_code=404)
        function, trigger, parameters = found
        if not (trigger.anonymous or _has_key(request, key)):
            return Response(status_code=401)
        try:
            body = await _body(request, body_limit)
        except ClientDisconnect:
            return Response(status_code=400)  # the client has disconnected
        if body is None:
            return Response(status_code=413)
        argument = _http_request(request, parameters, body)
        return _response(
            await asyncio.wrap_future(invoker.submit(partial(invoker.invoke, function, argument)))
        )

    async def run(request: Request) -> Response:
        if not _has_key(request, key):
            return Response(status_code=401)
        return await run_function(request, index=index, invoker=invoker)

    # This is the default, not a route, because Starlette's routes do not match a path with a newline.
    return Router(
        [Route("/admin/functions/{name}", run, methods=["POST"])],
        redirect_slashes=False,
        default=request_response(call),
    )


def _find(index: Index, request: Request, prefix: str) -> tuple[Function, HttpTrigger, dict[str, str]] | None:
    path = f"{request.scope['path']}/".removeprefix("/")
    if prefix:
        if not path.lower().startswith(f"{prefix.lower()}/"):
            return None
        path = path[len(prefix) + 1 :]
    path = path.removesuffix("/")
    for function in index.functions:
        trigger = function.trigger
        if isinstance(trigger, HttpTrigger) and (not trigger.methods or request.method in trigger.methods):
            parameters = trigger.template.match(path)
            if parameters is not None:
                return function, trigger, parameters
    return None


def _has_key(request: Request, key: str | None) -> bool:
    given = request.headers.get("x-functions-key") or request.query_params.get("code") or ""
    return key is None or hmac.compare_digest(given.encode(), key.encode())


async def _body(request: Request, limit: int) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _http_request(request: Request, parameters: dict[str, str], body: bytes) -> func.HttpRequest:
    query = request.query_params
    return func.HttpRequest(
        method=request.method,
        url=str(request.url),
        headers=dict(request.headers),
        params={name: ",".join(query.getlist(name)) for name in query},
        route_params=parameters,
        body=body,
    )


def _response(result: Result) -> Response:
    value = result.value
    if not result.succeeded:
        return Response(status_code=500)
    if isinstance(value, str):
        return PlainTextResponse(value)
    if not isinstance(value, func.HttpResponse):
        _log.error("An HTTP function has to return HttpResponse or str, not %s.", type(value).__name__)
        return Response(status_code=500)
    response = Response(value.get_body(), status_code=value.status_code)
    for name, text in value.headers.items():
        response.headers.append(name, text)
    if "content-type" not in value.headers:
        charset = f"; charset={value.charset}" if value.mimetype.startswith("text/") else ""
        response.headers["content-type"] = f"{value.mimetype}{charset}"
    return response
