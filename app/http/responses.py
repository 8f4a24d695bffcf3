"""An answer over HTTP, and what an error becomes there: always JSON, never a 500 for bad input."""

from collections.abc import Mapping
from dataclasses import dataclass

from coppice.reconciler.errors import Conflict, Failure, Gone, Rejected


@dataclass(frozen=True)
class Response:
    """A status and a JSON body."""

    status: int
    body: Mapping[str, object]


def error(status: int, code: str, message: str) -> Response:
    """An error, in the one form that errors have here.

    Args:
        status: the HTTP status.
        code: the error, for machines.
        message: what was wrong and what to do next, for people.
    """
    return Response(status, {"error": {"code": code, "message": message}})


def failed(failure: Failure) -> Response:
    """What an outside system's failure becomes: 503, unless it is about what was asked for.

    Args:
        failure: the failure.
    """
    match failure:
        case Conflict():
            status = 409
        case Gone():
            status = 404
        case Rejected():
            status = 409
        case _:
            status = 503
    return error(status, failure.code, failure.message)
