"""The two things ARM does the same way everywhere: pages of a list, and bodies that must be JSON objects."""

import json
from collections.abc import Awaitable, Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from devtools.emulators.arm.errors import ArmError
from devtools.emulators.arm.state import Json

_TOKEN = "$skiptoken"


def paged(request: Request, items: Sequence[Json], size: int) -> Response:
    """One page of a list, with `nextLink` if there is more.

    Args:
        request: asks for the first page, or for the one that a `nextLink` led to.
        items: the whole list.
        size: how many items a page has.
    """
    start = int(request.query_params.get(_TOKEN, "0"))
    page: Json = {"value": list(items[start : start + size])}
    if start + size < len(items):
        page["nextLink"] = str(request.url.include_query_params(**{_TOKEN: start + size}))
    return JSONResponse(page)


def json_body(endpoint: Callable[[Request, Json], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that is given the request's body, and runs in a thread, so that it may take its time.

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
