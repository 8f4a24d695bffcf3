"""An answer as Azure Functions takes it. Strangers are not told the details of a failure; the log is."""

import json
from collections.abc import Callable, Mapping

import azure.functions as func

from app.http.responses import Response, error, failed
from coppice.reconciler.correlation import FIELD, accepted, correlated, current, logger
from coppice.reconciler.errors import Failure

_log = logger("coppice")
# GitHub's name for a delivery, and Azure's for a request that its client has named:
# https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
_NAMED_BY = ("X-GitHub-Delivery", "x-ms-client-request-id")


def respond(
    req: func.HttpRequest, context: func.Context, call: Callable[[], Response], *, public: bool = False
) -> func.HttpResponse:
    """Answer with what the call answers, or with the failure that it met.

    Args:
        req: the request.
        context: the invocation.
        call: what answers. Everything in it bears the request's correlation ID.
        public: whether anyone may ask, so that a failure's details stay here.

    Returns:
        The answer, with the correlation ID in the header `x-ms-request-id`, and in the body of a 202.
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
    """What a request is called by whoever sent it, or by the host if they did not name it.

    Args:
        headers: the request's, their names in any case.
        invocation_id: the host's name for it.
    """
    names = (accepted(headers.get(name)) for name in _NAMED_BY)
    return next(filter(None, names), invocation_id)
