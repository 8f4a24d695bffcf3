"""Signing in to ARM, and its errors as our types. The SDK's own retries are off: it would sleep inside a
call, and send a PUT twice.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.core.pipeline.policies import SansIOHTTPPolicy

from loop.errors import Conflict, Failure, Forbidden, Gone, QuotaReached, Rejected, Throttled, Unreachable

_OVERLAPPING = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"
_FULL = "too many federated identity credentials"


class Unsigned(TokenCredential):
    """What signs in at a loopback stand-in: nothing does. No token ever leaves for plain http."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        """Never called; the policy that would is replaced.

        Raises:
            ValueError: it was called.
        """
        raise ValueError(f"no token for {scopes} goes to a plain http address")


def options(url: str) -> dict[str, Any]:
    """Arguments that every ARM client of ours is made with.

    Args:
        url: the endpoint; plain http is a loopback stand-in, to which no token is sent.

    Returns:
        Keyword arguments.
    """
    plain: dict[str, Any] = {"authentication_policy": SansIOHTTPPolicy()} if url.startswith("http://") else {}
    return {
        "base_url": url,
        "credential_scopes": [f"{url}/.default"],
        "retry_total": 0,
        "connection_timeout": 5,
        "read_timeout": 30,
        **plain,
    }


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn ARM's errors into ours.

    Args:
        what: what is being asked for, for the message.
    """
    try:
        yield
    except HttpResponseError as error:
        raise _failure(what, error) from error
    except AzureError as error:
        raise Unreachable(f"Azure did not answer: {what}: {error}") from error


def _failure(what: str, error: HttpResponseError) -> Failure:
    code = error.error.code if error.error else ""
    message = f"Azure refused: {what}: {error.message}"
    status = error.status_code or 0
    header = str(getattr(error.response, "headers", {}).get("Retry-After", ""))
    retry_after = float(header) if header.isdigit() else None
    if isinstance(error, ResourceNotFoundError) or status == 404:
        return Gone(message)
    if isinstance(error, ClientAuthenticationError) or status in {401, 403}:
        return Forbidden(f"{message}. Check the role assignments of the identity that the program acts as")
    if status == 429:
        return Throttled(message, retry_after=retry_after or 5)
    if status == 409 and code == _OVERLAPPING:
        return Conflict(message, retry_after=retry_after or 5)
    if status in {409, 412}:
        return Conflict(message, retry_after=retry_after)
    if status == 400 and _FULL in message.lower():
        return QuotaReached(message)
    if 400 <= status < 500:
        return Rejected(message)
    return Unreachable(message, retry_after=retry_after)
