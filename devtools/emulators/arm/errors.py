"""ARM's errors: one exception, and the body from which the SDKs read `error.code` and `error.message`.

Callers decide by the code, because the SDKs raise the same class for very different refusals.
"""

from collections.abc import Mapping

_USUAL_CODES = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "AuthorizationFailed",
    404: "ResourceNotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}


class ArmError(Exception):
    """An error, which is answered in ARM's form.

    Args:
        status: the HTTP status.
        code: ARM's error code.
        message: ARM's message.
        retry_after: the whole seconds of the `Retry-After` header.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


def body(code: str, message: str) -> dict[str, object]:
    """Return the JSON body of an error."""
    return {"error": {"code": code, "message": message}}


def failure_body(status: int, code: str) -> Mapping[str, object]:
    """Return the body of a failure that a test requested."""
    return body(code or _USUAL_CODES.get(status, "Failed"), f"The emulator was asked to answer {status}.")


def not_found(kind: str, name: str, group: str) -> ArmError:
    """Return the error for a resource that does not exist."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def overlap(subscription: str, group: str, name: str) -> ArmError:
    """Return the error for a write of credentials during another write to the same identity."""
    # The wording: https://github.com/Azure/bicep-registry-modules/issues/1447
    return ArmError(
        409,
        "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
        "Too many Federated Identity Credentials are written concurrently for the managed identity "
        f"'/subscriptions/{subscription}/resourcegroups/{group}/providers/"
        f"microsoft.managedidentity/userassignedidentities/{name}'. Concurrent Federated Identity "
        "Credentials writes under the same managed identity are not supported.",
    )


def too_many_writes(retry_after: int) -> ArmError:
    """Return the error for a write of credentials that is throttled.

    Args:
        retry_after: the whole seconds until a write is accepted.
    """
    return ArmError(
        429,
        "TooManyRequests",
        "The request is being throttled as the limit has been reached for operation type - "
        "FederatedIdentityCredentialPutRequest.",
        retry_after=retry_after,
    )
