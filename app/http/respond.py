"""Converts a response to the form that Azure Functions expects.

An anonymous caller does not receive the details of a failure. They are only logged.
"""

import json
from collections.abc import Callable, Mapping

import azure.functions as func

from app.http.responses import Response, error, failed
from coppice.reconciler.correlation import FIELD, accepted, correlated, current, logger
from coppice.reconciler.errors import Failure

_log = logger("coppice")
# Headers with an ID that the sender chose: GitHub's for a delivery, and Azure's for a client's request.
# https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
_NAMED_BY = ("X-GitHub-Delivery", "x-ms-client-request-id")


def respond(
    req: func.HttpRequest, context: func.Context, call: Callable[[], Response], *, public: bool = False
) -> func.HttpResponse:
    """Call a function, and convert its response or its failure.

    Args:
        req: the request.
        context: the invocation.
        call: returns the response. Everything that it logs or queues has the request's correlation ID.
        public: whether callers are anonymous; then the response to a failure contains no details.

    Returns:
        The response, with the correlation ID in the header `x-ms-request-id`, and in the body of a 202.
    """
    with correlated(correlation_id(req.headers, context.invocation_id)):
        try:
            answer = call()
        except Failure as failure:
            _log.warning("%s", failure.message)
            hidden = error(503, failure.code, "not available now; the log says why")
            answer = hidden if public else failed(failure)
        body = {**answer.body, FIELD: current()} if answer.status == 202 else answer.body
        return func.HttpResponse(
            json.dumps(body),
            status_code=answer.status,
            headers={"x-ms-request-id": current()},
            mimetype="application/json",
        )


def correlation_id(headers: Mapping[str, str], invocation_id: str) -> str:
    """Return the correlation ID of a request: the ID that the sender chose, else the host's.

    Args:
        headers: the request's headers, whose names may have any case.
        invocation_id: the host's ID of the invocation.

    Returns:
        The correlation ID.
    """
    names = (accepted(headers.get(name)) for name in _NAMED_BY)
    return next(filter(None, names), invocation_id)
