"""GitHub's errors: a message, a link to the documentation and the status as text.

A 404 says little on purpose: it is also the answer for what a token may not see.
"""

from collections.abc import Mapping

_USUAL_MESSAGES = {
    401: "Bad credentials",
    403: "Resource not accessible by integration",
    404: "Not Found",
    429: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    500: "Server Error",
    502: "Server Error",
    503: "Service unavailable",
}


class GitHubError(Exception):
    """An error, which is answered in GitHub's form.

    Args:
        status: the HTTP status.
        message: GitHub's message.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def body(status: int, message: str) -> dict[str, object]:
    """Return the JSON body of an error."""
    return {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}


def failure_body(status: int, code: str) -> Mapping[str, object]:
    """Return the body of a failure that a test requested.

    GitHub has no error codes, so the requested code is used as the message.
    """
    return body(status, code or _USUAL_MESSAGES.get(status, "The emulator was asked to fail."))
