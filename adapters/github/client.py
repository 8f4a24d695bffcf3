"""Signing in to GitHub, and its errors as our types. PyGithub's own retries and pacing are off: it would
send a lost POST again, and sleep.
"""

import contextlib
import time
from collections.abc import Iterator

import requests
from github import Auth, Github
from github.GithubException import BadAttributeException, GithubException, RateLimitExceededException

from loop.errors import Failure, Forbidden, Gone, Rejected, Throttled, Unreachable


def client(*, url: str, token: str, app_id: str, installation_id: str, private_key: str) -> Github:
    r"""Sign in, by a token or as an installed GitHub App.

    Args:
        url: the API's base URL.
        token: a token; empty takes the app.
        app_id: the app's id.
        installation_id: the installation's id.
        private_key: the app's private key, PEM; `\n` may stand for line breaks.

    Returns:
        The client; it has not called yet.
    """
    auth: Auth.Auth
    if token:
        auth = Auth.Token(token)
    else:
        auth = Auth.AppAuth(app_id, private_key.replace("\\n", "\\n")).get_installation_auth(
            int(installation_id)
        )
    return Github(
        auth=auth,
        base_url=url,
        timeout=15,
        retry=None,
        per_page=100,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn GitHub's errors into ours.

    Args:
        what: what is being asked for, for the message.
    """
    try:
        yield
    except GithubException as error:
        raise _failure(what, error) from error
    except (
        requests.RequestException,
        BadAttributeException,
        AssertionError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        # PyGithub builds objects from whatever came: a body cut short surfaces as one of these.
        raise Unreachable(f"GitHub gave no usable answer: {what}: {error!r}") from error


def _failure(what: str, error: GithubException) -> Failure:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    message = f"GitHub refused: {what}: {error.message or error.data or f'HTTP {error.status}'}"
    wait = _wait(headers)
    if isinstance(error, RateLimitExceededException) or error.status == 429 or (error.status == 403 and wait):
        return Throttled(message, retry_after=wait or 60)
    match error.status:
        case 404 | 410:
            return Gone(message)
        case 401 | 403:
            return Forbidden(f"{message}. Check GITHUB_TOKEN, or the app's permissions (contents: read)")
        case status if 400 <= status < 500:
            return Rejected(message)
        case _:
            return Unreachable(message)


def _wait(headers: dict[str, str]) -> float | None:
    """Seconds to wait, as https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    says.
    """
    if headers.get("retry-after", "").isdigit():
        return float(headers["retry-after"])
    if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
        return max(1.0, float(headers["x-ratelimit-reset"]) - time.time())
    return None
