"""The API server's `Status` errors as our types. Often only the message tells them apart."""

import re
from collections.abc import Mapping
from typing import Any

from coppice.reconciler.errors import (
    Conflict,
    Failure,
    Forbidden,
    Gone,
    QuotaReached,
    Rejected,
    Throttled,
    Unreachable,
)

# An applied object that does not fit its schema is answered with a 500 without a reason. Only the message
# tells it from an outage.
_SCHEMA_MISMATCH = ("failed to create typed patch object", "failed to convert new object")
# A 403 from the quota, not from a role: https://kubernetes.io/docs/concepts/policy/resource-quotas/
_OVER_QUOTA = ("exceeded quota:", "status unknown for quota:")
# A 403 from the authorizer, not from admission, which comes after it:
# https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go
_NO_RIGHT = re.compile(r'User "[^"]*" cannot ')
_OF_FENCE = re.compile(r"quota: coppice-|quota for quota: coppice-")
_QUOTA_OF_FENCE = "The files of the fence say how much an environment may take"
_QUOTA_OF_OTHERS = "That quota is none of the fence's: ask whoever made it"
# A token that the server does not accept; whose it is, no role says.
_WHO = (
    "Check that the cluster accepts who signs in: the user of KUBECONFIG; or, without that setting, an Entra "
    "identity of the cluster's own tenant"
)
_NOT_SERVED = ("404 page not found", "the server could not find the requested resource")
_ADMISSION = re.compile(r" is forbidden: |^admission webhook ")


class NotServed(Gone):
    """The server does not serve the resource, or not in this version. This says nothing about one object."""


def failure(what: str, status: int, answer: Mapping[str, Any], wait: float | None) -> Failure:
    """Turn an answer of the API server into a failure.

    Args:
        what: the request, for the message.
        status: the HTTP status.
        answer: the `Status`; empty if there is none.
        wait: the seconds of `Retry-After`, if it was sent.

    Returns:
        The failure.
    """
    message_text = str(answer.get("message") or f"HTTP {status}")
    message = f"the cluster refused {what}: {message_text}"
    causes = {cause.get("reason") for cause in (answer.get("details") or {}).get("causes") or ()}
    match status:
        case 404:
            return NotServed(message) if message_text in _NOT_SERVED else Gone(message)
        case 401:
            return Forbidden(f"{message}. {_WHO}")
        case 403:
            return _forbidden(message, message_text, terminating="NamespaceTerminating" in causes)
        case 409 | 412:
            return Conflict(message)
        case 429:
            return Throttled(message, retry_after=wait or 5)
        case 400 | 405 | 406 | 413 | 415 | 422:
            return Rejected(message)
        case 500 if message_text.startswith(_SCHEMA_MISMATCH):
            return Rejected(message)
        case _:
            return Unreachable(message, retry_after=wait)


def _forbidden(message: str, message_text: str, *, terminating: bool) -> Failure:
    """Tell who forbids: the namespace, a quota, admission, or a role."""
    if terminating:
        return Conflict(message, retry_after=5)
    if any(words in message_text for words in _OVER_QUOTA):
        return QuotaReached(
            f"{message}. {_QUOTA_OF_FENCE if _OF_FENCE.search(message_text) else _QUOTA_OF_OTHERS}"
        )
    if _ADMISSION.search(message_text) and not _NO_RIGHT.search(message_text):
        return Rejected(f"{message}. No role would let it through: a rule of the cluster refuses it")
    return Forbidden(f"{message}. Check the roles in deploy/cluster and who they are bound to")
