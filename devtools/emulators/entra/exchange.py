"""The exchange of a service account's token for an access token: the request, and every check.

The request: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, the
third case. The order of Entra's checks is not documented. Here keys come last, because they are fetched from
an issuer that a credential has named, and from no other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from devtools.emulators.entra import errors
from devtools.emulators.entra.directory import Application, Credential

GRANT = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHM = "RS256"
_SCOPE = "/.default"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A token request."""

    client_id: str
    resource: str
    assertion: str


@dataclass(frozen=True, kw_only=True)
class _Claims:
    issuer: str
    subject: str
    audiences: Sequence[str]
    begins: datetime
    ends: datetime


def read_ask(form: Mapping[str, str]) -> Ask:
    """Parse the form of a token request.

    Args:
        form: the form's parameters.

    Returns:
        The token request.

    Raises:
        EntraError: a parameter is missing or not valid.
    """
    for parameter in ("grant_type", "client_id", "scope"):
        if not form.get(parameter):
            raise errors.missing(parameter)
    if form["grant_type"] != GRANT:
        raise errors.other_grant(form["grant_type"])
    if not form["scope"].endswith(_SCOPE):
        raise errors.bad_scope(form["scope"])
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise errors.no_assertion()
    return Ask(
        client_id=form["client_id"],
        resource=form["scope"].removesuffix(_SCOPE),
        assertion=form["client_assertion"],
    )


def check(
    assertion: str, application: Application, *, keys: Callable[[str], jwt.PyJWKSet], now: datetime
) -> None:
    """Check an assertion against the credentials of an application.

    Args:
        assertion: the service account's token.
        application: the identity that the client wants to act as.
        keys: returns the keys that an issuer publishes.
        now: the time, in UTC.

    Raises:
        EntraError: the assertion is refused; the error says why.
    """
    identifier, claims = _unverified(assertion)
    if not claims.begins <= now < claims.ends:
        raise errors.outside_lifetime(now, claims.begins, claims.ends)
    _match(claims, application)
    published = keys(claims.issuer)
    key = next((each for each in published.keys if each.key_id == identifier), None)
    if key is None:
        raise errors.unknown_key(identifier, claims.issuer)
    try:
        jwt.PyJWS().decode(assertion, key, algorithms=[_ALGORITHM])
    except jwt.InvalidTokenError as error:
        raise errors.bad_signature(identifier) from error


def _unverified(assertion: str) -> tuple[str, _Claims]:
    try:
        header = jwt.get_unverified_header(assertion)
        said = jwt.decode(assertion, options={"verify_signature": False})
        claims = _Claims(
            issuer=_text(said["iss"]),
            subject=_text(said["sub"]),
            audiences=[_text(each) for each in _listed(said["aud"])],
            begins=datetime.fromtimestamp(said.get("nbf", 0), UTC),
            ends=datetime.fromtimestamp(said["exp"], UTC),
        )
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise errors.malformed() from error
    if header["alg"] != _ALGORITHM:
        raise errors.other_algorithm(str(header["alg"]))
    return str(header.get("kid", "")), claims


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _match(claims: _Claims, application: Application) -> None:
    """Check that a credential matches, with a case-sensitive comparison.

    See https://github.com/Azure/login/issues/517.
    """
    if not application.credentials:
        raise errors.no_credentials(application.client_id, application.name)
    fitting: Sequence[Credential] = application.credentials
    fitting = [each for each in fitting if each.issuer == claims.issuer]
    if not fitting:
        raise errors.no_match("issuer", claims.issuer)
    fitting = [each for each in fitting if set(each.audiences) & set(claims.audiences)]
    if not fitting:
        raise errors.no_match("audience", ", ".join(claims.audiences))
    if not any(each.subject == claims.subject for each in fitting):
        raise errors.no_match("subject", claims.subject)
