"""`POST /admin/functions/<name>`: run a timer or queue function now, without its trigger.

See https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http.
"""

import json
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from devtools.host.bindings import HttpTrigger, Index, QueueTrigger
from devtools.host.invoke import Invoker, queue_message, timer_request


async def run_function(request: Request, *, index: Index, invoker: Invoker) -> Response:
    """Start the function that the path names.

    Args:
        request: `{"input": "<text>"}`; a queue function gets the text as its message.
        index: the functions.
        invoker: runs it.

    Returns:
        202 once the function has been started; its result is in the log.
    """
    name = request.path_params["name"]
    function = next((each for each in index.functions if each.name == name), None)
    if function is None:
        return Response(status_code=404)
    if isinstance(function.trigger, HttpTrigger):
        return PlainTextResponse(f"{name} is run by HTTP, at {function.trigger.route}.", status_code=400)
    try:
        text = _input(await request.body())
    except ValueError as error:
        return PlainTextResponse(str(error), status_code=400)
    is_queue = isinstance(function.trigger, QueueTrigger)
    argument = queue_message(text.encode()) if is_queue else timer_request()
    invoker.submit(partial(invoker.invoke, function, argument))
    return Response(status_code=202)


def _input(body: bytes) -> str:
    match json.loads(body or b"{}"):
        case {"input": str() as text}:
            return text
        case {"input": None}:
            return ""
        case {**others} if "input" not in others:
            return ""
    raise ValueError('The body has to be {"input": "<text>"}.')
