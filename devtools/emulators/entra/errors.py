"""Entra's errors: their numbers, their messages and the response body.

People search for the number and the message, so both are Entra's own, each as somebody has reported it; the
link says where. Numbers of the general kind: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

_ADVICE = (
    "Check your federated identity credential Subject, Audience and Issuer against the presented assertion. "
    "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
)


class EntraError(Exception):
    """An error of the token endpoint.

    Args:
        status: the HTTP status.
        error: OAuth's error code.
        number: Entra's number, without `AADSTS`.
        message: Entra's message.
    """

    def __init__(self, status: int, error: str, number: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.number = number
        self.message = message


def body(error: EntraError, *, now: datetime, correlation: str) -> Mapping[str, object]:
    """Return the JSON body of an error.

    Args:
        error: the error.
        now: the time, in UTC.
        correlation: the caller's correlation id of the request.
    """
    trace, time = str(uuid4()), f"{now:%Y-%m-%d %H:%M:%S}Z"
    seen = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}"
    return {
        "error": error.error,
        "error_description": f"AADSTS{error.number}: {error.message} {seen}",
        "error_codes": [error.number],
        "timestamp": time,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={error.number}",
    }


def only_post(method: str) -> EntraError:
    """Return the error for a request to the token endpoint with a method other than POST."""
    message = f"The endpoint only accepts POST requests. Received a {method} request."
    return EntraError(400, "invalid_request", 900561, message)


def missing(parameter: str) -> EntraError:
    """Return the error for a form without a parameter, or for a body that is no form.

    See https://github.com/MicrosoftDocs/azure-docs/issues/43780.
    """
    message = f"The request body must contain the following parameter: '{parameter}'."
    return EntraError(400, "invalid_request", 900144, message)


def no_assertion() -> EntraError:
    """Return the error for a client that sent no credential.

    See https://github.com/secureworks/TokenMan/issues/1.
    """
    message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
    return EntraError(401, "invalid_client", 7000218, message)


def other_grant(grant: str) -> EntraError:
    """Return the error for a grant type that the emulator does not support; it supports one."""
    return EntraError(
        400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'."
    )


def bad_scope(scope: str) -> EntraError:
    """Return the error for a scope that is not a whole resource, with `/.default`.

    See https://github.com/databricks/databricks-sql-nodejs/issues/226.
    """
    message = (
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
        "with /.default suffixed to the resource identifier (application ID URI)."
    )
    return EntraError(400, "invalid_scope", 1002012, message)


def no_tenant(tenant: str) -> EntraError:
    """Return the error for another tenant.

    See https://github.com/james-gould/azure-keyvault-emulator/issues/324.
    """
    message = (
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing "
        "into the correct cloud. Check with your subscription administrator, this may happen if there are no "
        "active subscriptions for the tenant."
    )
    return EntraError(400, "invalid_tenant", 90002, message)


def no_application(client_id: str, tenant: str) -> EntraError:
    """Return the error for a client id that no identity has.

    See https://github.com/microsoft/AzureTRE/issues/1475.
    """
    message = (
        f"Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can "
        "happen if the application has not been installed by the administrator of the tenant or consented to "
        "by any user in the tenant. You may have sent your authentication request to the wrong tenant."
    )
    return EntraError(400, "unauthorized_client", 700016, message)


def malformed() -> EntraError:
    """Return the error for an assertion that is not a token, or that lacks a required claim."""
    return EntraError(400, "invalid_request", 50027, "JWT token is invalid or malformed.")


def other_algorithm(algorithm: str) -> EntraError:
    """Return the error for a signature algorithm other than RS256, the only one that issuers use."""
    message = (
        f"Invalid JWT token. '{algorithm}' is not a supported signature algorithm. Supported signing "
        "algorithms are: 'RS256'"
    )
    return EntraError(400, "invalid_request", 5002738, message)


def outside_lifetime(now: datetime, begins: datetime, ends: datetime) -> EntraError:
    """Return the error for a token that is not valid yet, or that has expired.

    See https://github.com/risingwavelabs/risingwave/issues/17123.
    """
    times = [f"{each:%Y-%m-%dT%H:%M:%S.%f}0Z" for each in (now, begins, ends)]
    message = (
        f"Client assertion is not within its valid time range. Current time: {times[0]}, assertion valid "
        f"from {times[1]}, expiry time of assertion {times[2]}. Review the documentation at "
        "https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."
    )
    return EntraError(401, "invalid_client", 700024, message)


def no_credentials(client_id: str, name: str) -> EntraError:
    """Return the error for an identity without credentials; the secrets store driver logs this message."""
    message = f"The client '{client_id}'({name}) has no configured federated identity credentials."
    return EntraError(401, "invalid_client", 70025, message)


def no_match(claim: str, value: str) -> EntraError:
    """Return the error for a claim that no credential of the identity matches.

    See https://github.com/Azure/azure-workload-identity/issues/1200.

    Args:
        claim: `issuer`, `audience` or `subject`.
        value: the claim's value in the assertion.
    """
    number = {"issuer": 700211, "audience": 700212, "subject": 700213}[claim]
    message = (
        f"No matching federated identity record found for presented assertion {claim} '{value}'. {_ADVICE}"
    )
    return EntraError(401, "invalid_client", number, message)


def no_keys() -> EntraError:
    """Return the error for an issuer whose keys cannot be read.

    See https://github.com/Azure/azure-workload-identity/issues/605.
    """
    return EntraError(400, "invalid_request", 90061, "Request to External OIDC endpoint failed.")


def unknown_key(identifier: str, issuer: str) -> EntraError:
    """Return the error for a key that the issuer does not publish.

    See https://github.com/Azure/azure-workload-identity/issues/1232.
    """
    message = (
        f"The certificate with identifier {identifier} used to sign the federated credential could not be "
        f"found in the metadata of identity provider {issuer}. Please validate that your Identity Provider's "
        "metadata exposes the key used to sign the incoming token."
    )
    return EntraError(401, "invalid_client", 7000272, message)


def bad_signature(identifier: str) -> EntraError:
    """Return the error for a signature that the key does not verify.

    See https://github.com/AzureAD/passport-azure-ad/issues/453.
    """
    message = (
        "Client assertion contains an invalid signature. [Reason - The key was found, but use of the key to "
        f"verify the signature failed., Thumbprint of key used by client: '{identifier}']"
    )
    return EntraError(401, "invalid_client", 700027, message)


def unavailable() -> EntraError:
    """Return the error for a directory that cannot be read at the moment."""
    return EntraError(
        503, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again."
    )
