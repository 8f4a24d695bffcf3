"""What all of ARM's resources share: pages of a list, and request bodies that must be JSON objects."""

import json
from collections.abc import Awaitable, Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from devtools.emulators.arm.errors import ArmError
from devtools.emulators.arm.resources import Json

_TOKEN = "$skiptoken"


def paged(request: Request, items: Sequence[Json], size: int) -> Response:
    """Return one page of a list, with `nextLink` if another page follows.

    Args:
        request: the request for the first page, or for the URL of a `nextLink`.
        items: the whole list.
        size: how many items a page has.
    """
    start = int(request.query_params.get(_TOKEN, "0"))
    page: Json = {"value": list(items[start : start + size])}
    if start + size < len(items):
        page["nextLink"] = str(request.url.include_query_params(**{_TOKEN: start + size}))
    return JSONResponse(page)


def json_body(endpoint: Callable[[Request, Json], Response]) -> Callable[[Request], Awaitable[Response]]:
    """Wrap an endpoint that takes the request's body; it runs in a thread, because it may block.

    Args:
        endpoint: the endpoint, which takes the request and its body.

    Returns:
        The asynchronous endpoint for a route.

    Raises:
        ArmError: 400, the body is not a JSON object.
    """

    async def read_and_run(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ArmError(
                400, "InvalidRequestContent", "The request content was invalid: not a JSON object."
            )
        return await run_in_threadpool(endpoint, request, body)

    return read_and_run
