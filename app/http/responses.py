"""The HTTP response, and how errors become responses: always JSON, and never a 500 for bad input."""

from collections.abc import Mapping
from dataclasses import dataclass

from coppice.reconciler.errors import Conflict, Failure, Gone, Rejected


@dataclass(frozen=True)
class Response:
    """An HTTP response.

    Attributes:
        status: the HTTP status.
        body: the body, which is sent as JSON.
    """

    status: int
    body: Mapping[str, object]


def error(status: int, code: str, message: str) -> Response:
    """Return an error response.

    Args:
        status: the HTTP status.
        code: the error code, for programs.
        message: what is wrong and what to do next, for people.

    Returns:
        The response.
    """
    return Response(status, {"error": {"code": code, "message": message}})


def failed(failure: Failure) -> Response:
    """Return the response to an outside system's failure.

    Args:
        failure: the failure.

    Returns:
        409 for `Conflict` and `Rejected`, 404 for `Gone`, and 503 for every other failure.
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
