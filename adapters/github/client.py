"""Clients of GitHub, and GitHub's errors as our types.

PyGithub's own retries and pacing are off: it would send a POST again whose answer was lost, and sleep.
"""

import contextlib
import time
from collections.abc import Iterator

import requests
from github import Auth, Github
from github.GithubException import BadAttributeException, GithubException, RateLimitExceededException
from jwt import PyJWTError

from adapters.unreadable import UNREADABLE, retry_after_seconds, root_cause
from coppice.reconciler.errors import (
    Conflict,
    Failure,
    Forbidden,
    Gone,
    NotSetUp,
    Rejected,
    Throttled,
    Unreachable,
)

# A 401 is about who asks, a 403 about what that may do.
_SIGN_IN = (
    "Check that GITHUB_TOKEN has not expired; or, of an app, GITHUB_APP_ID, GITHUB_APP_INSTALLATION_ID and "
    "GITHUB_APP_PRIVATE_KEY"
)
MAY_READ = "Check the permissions of GITHUB_TOKEN, or of the app (contents: read)"
_TIMEOUT = 15  # seconds
_SHOWN = 300  # characters of an answer; a page of a proxy is long


def client(url: str, auth: Auth.Auth) -> Github:
    """Make a client.

    Args:
        url: the API's base URL.
        auth: a token, or an installed app.

    Returns:
        The client, which has made no call yet.
    """
    return Github(
        auth=auth,
        base_url=url,
        timeout=_TIMEOUT,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn GitHub's errors into ours.

    Args:
        what: the request, for the message.
    """
    try:
        yield
    except GithubException as error:
        raise _failure(what, error) from error
    except PyJWTError as error:
        raise NotSetUp(f"GITHUB_APP_PRIVATE_KEY cannot be used, it has to be a PEM: {error}") from error
    except requests.RequestException as error:
        raise Unreachable(f"GitHub gave no usable answer: {what}: {root_cause(error)}") from error
    except (BadAttributeException, *UNREADABLE) as error:
        raise Unreachable(f"GitHub gave no usable answer: {what}: {error!r}") from error


def says_why(refusal: str) -> bool:
    """Whether GitHub itself says what is to be done, and it is not about permissions or branches."""
    return any(
        words in refusal.lower()
        for words in ("saml enforcement", "ip allow list", "was archived", "has been suspended")
    )


def _failure(what: str, error: GithubException) -> Failure:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    text = error.data.get("message") if isinstance(error.data, dict) else None
    message = f"GitHub refused: {what}: {str(text or error.data or f'HTTP {error.status}')[:_SHOWN]}"
    wait = _wait(headers)
    if (
        isinstance(error, RateLimitExceededException)
        or error.status == 429
        or (error.status == 403 and wait is not None)
    ):
        return Throttled(message, retry_after=wait or 60)
    match error.status:
        case 404 | 410 if text:  # GitHub's own has a message
            return Gone(message)
        case 401:
            return Forbidden(f"{message}. {_SIGN_IN}")
        case 403 if says_why(message):
            return Forbidden(message)
        case 403:
            return Forbidden(f"{message}. {MAY_READ}")
        case 409 | 412:
            return Conflict(message)
        case status if 400 <= status < 500 and status not in {404, 408, 410}:
            return Rejected(message)
        case _:
            return Unreachable(message, retry_after=wait)


def _wait(headers: dict[str, str]) -> float | None:
    """Seconds to wait, as https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    says.
    """
    wait = retry_after_seconds(headers.get("retry-after"))
    if wait is not None:
        return wait
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
        return min(max(1.0, float(reset) - time.time()), 3600.0)
    return None
