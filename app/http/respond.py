"""An answer as Azure Functions takes it. Strangers are not told the details of a failure; the log is."""

import json
import logging
from collections.abc import Callable

import azure.functions as func

from app.http.responses import Response, error, failed
from coppice.reconciler.errors import Failure

_log = logging.getLogger("coppice")


def respond(call: Callable[[], Response], *, public: bool = False) -> func.HttpResponse:
    """Answer with what the call answers, or with the failure that it met.

    Args:
        call: what answers.
        public: whether anyone may ask, so that a failure's details stay here.
    """
    try:
        answer = call()
    except Failure as failure:
        _log.warning("%s", failure.message)
        answer = (
            error(503, failure.code, "not available now; the log says why") if public else failed(failure)
        )
    return func.HttpResponse(json.dumps(answer.body), status_code=answer.status, mimetype="application/json")
