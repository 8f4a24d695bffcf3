"""Options of ARM's SDK clients, and ARM's errors as our types.

The SDK's own retries are off: it would sleep inside a call, and send a PUT twice.
"""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy

from adapters.azure.errors import failure, retry_after, translating
from coppice.reconciler.errors import Conflict, Failure, Forbidden, NotSetUp, QuotaReached, Unreachable

_OVERLAPPING = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"
# AKS changes one thing at a time in a cluster, and that takes minutes.
_UNDER_WAY = {"OperationNotAllowed", "AKSOperationPreempted"}
_LOCKED = "ScopeLocked"  # a 409, which no time mends
_POLICIES = ("RequestDisallowedByPolicy", "RequestDisallowedByAzure")
_SIGN_IN = (
    "Check that the managed identity is assigned to the app, that AZURE_TENANT_ID is its tenant, and that "
    "PROVISIONING_CLIENT_ID, DEPROVISIONING_CLIENT_ID and SCHEDULER_CLIENT_ID, if set, are client ids"
)
_FULL = "too many federated identity credentials"
_NO_ROLE = "Check the role assignments of the identity that the program acts as"
_TIMEOUTS = {"connection_timeout": 5, "read_timeout": 30}  # seconds


class Unsigned(TokenCredential):
    """The credential for an emulator: none. A token is never sent over plain http."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        """Refuse. It is never called, since the policy that would call it is replaced.

        Args:
            scopes: what the token would be for.

        Raises:
            ValueError: it was called.
        """
        raise ValueError(f"no token for {scopes} goes to a plain http address")


def options(url: str) -> dict[str, Any]:
    """Build the arguments that all ARM clients have in common.

    Args:
        url: the endpoint; plain http means an emulator, which is sent no token.

    Returns:
        Keyword arguments.
    """
    plain: dict[str, Any] = {"authentication_policy": SansIOHTTPPolicy()} if url.startswith("http://") else {}
    return {
        "base_url": url,
        "credential_scopes": [f"{url}/.default"],
        "retry_total": 0,
        **_TIMEOUTS,
        **plain,
    }


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn ARM's errors into ours.

    Args:
        what: the request, for the message.
    """
    with translating("Azure", what, refusal=partial(_refusal, what)):
        yield


def _refusal(what: str, error: HttpResponseError) -> Failure:
    code = error.error.code if error.error else ""
    message = f"Azure refused: {what}: {error.message}"
    status, wait = error.status_code or 0, retry_after(error)
    if code == "SubscriptionNotFound":  # says nothing about what is in it
        return NotSetUp(f"{message}. Check AZURE_SUBSCRIPTION_ID")
    if status == 404 and not code:  # no answer of ARM's own is without a code
        return Unreachable(message, retry_after=wait)
    if advice := _forbids(status, code, error):
        return Forbidden(f"{message}. {advice}")
    if status == 409 and code == _OVERLAPPING:
        return Conflict(message, retry_after=wait or 5)
    if status in {409, 412} and code in _UNDER_WAY:
        return Conflict(message, retry_after=wait or 30)
    if status == 400 and _FULL in message.lower():
        return QuotaReached(f"{message}. Add an identity to WORKLOAD_IDENTITIES")
    return failure(message, error, forbidden=_NO_ROLE)


def _forbids(status: int, code: str | None, error: HttpResponseError) -> str:
    """What to do about a refusal that somebody has to lift; empty if it is none."""
    if status == 401 or (isinstance(error, ClientAuthenticationError) and status in {0, 400, 403}):
        return _SIGN_IN
    if code == _LOCKED:
        return "Check the locks of that resource and of its group: one of them forbids it"
    if code in _POLICIES:
        return "Check that policy: no role assignment changes what it says"
    if status == 403:
        return _NO_ROLE
    return ""
