"""The shapes that values of settings have: lists, pairs, URLs, networks. Each says what it expected."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def _listed(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _mapped(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    wrong = [key for key, equals, _ in pairs if not equals or not key.strip()]
    if wrong:
        raise ValueError(f"expected key=value,key=value; {wrong[0]!r} has no '='")
    return {key.strip(): text.strip() for key, _, text in pairs}


def _secure(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url.rstrip("/")
    raise ValueError("expected an https URL; plain http is accepted for loopback addresses alone")


def _server(url: str) -> str:
    """The address of a PostgreSQL server; what else it says is the adapter's to judge."""
    expected = "expected postgresql://admin@host:5432/postgres"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(expected) from None
    whole = parts.scheme in {"postgresql", "postgres"} and parts.hostname and parts.username
    if not whole or port == 0 or not parts.path.strip("/"):
        raise ValueError(expected)
    return url


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ip_network(value)
        except ValueError:
            raise ValueError(
                f"expected networks such as 10.1.0.0/16, separated by commas; {value!r} is none"
            ) from None
    return values


def matching(pattern: str, expected: str) -> AfterValidator:
    """A check of a text.

    Args:
        pattern: what it has to match as a whole.
        expected: the same in words, for the error.
    """

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


def each(pattern: str, example: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """A check of a list.

    Args:
        pattern: what each of its values has to match.
        example: what one looks like, for the error.
    """

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [value for value in values if not re.fullmatch(pattern, value)]
        if wrong:
            raise ValueError(f"expected {example}, separated by commas; {wrong[0]!r} is not")
        return values

    return check


RepositoryName = Annotated[str, matching(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", "owner/name")]
NamespacePrefix = Annotated[
    str,
    matching(
        r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?-",
        "lower-case letters, digits and '-', ending in '-', 32 at most",
    ),
]
DomainName = Annotated[str, matching(r"[a-z0-9]([a-z0-9.-]{0,180}[a-z0-9])?", "a DNS name in lower case")]
Folder = Annotated[
    str, matching(r"[A-Za-z0-9_-][A-Za-z0-9._/-]*", "a folder of the repository, without a leading '/'")
]
CredentialPrefix = Annotated[
    str, matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{1,40}", "two to 41 letters, digits, '-' and '_'")
]
DatabasePrefix = Annotated[
    str, matching(r"[a-z][a-z0-9_]{0,30}", "lower-case letters, digits and '_', 31 at most")
]
SecretName = Annotated[
    str,
    matching(
        r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?",
        "the name of a Secret: lower-case letters, digits, '-' and '.', 63 at most",
    ),
]
Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Mapped = Annotated[dict[str, str], BeforeValidator(_mapped)]
SecureUrl = Annotated[str, AfterValidator(_secure)]
ServerUrl = Annotated[str, AfterValidator(_server)]
Networks = Annotated[Listed, AfterValidator(_networks)]
Repositories = Annotated[Listed, AfterValidator(each(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", "owner/name"))]
Gateways = Annotated[Listed, AfterValidator(each(r"[^/]+/[^/]+", "namespace/name"))]
Identities = Annotated[
    Listed,
    AfterValidator(
        each(r"([^:/]+:)?[^:/]+/[^:/]+", "resourceGroup/identityName or pool:resourceGroup/identityName")
    ),
]
Accounts = Annotated[
    Listed, AfterValidator(each(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(=[^:/=]+)?", "name or name=pool"))
]
Tolerations = Annotated[
    Listed,
    AfterValidator(
        each(
            rf"([a-z0-9.-]{{1,253}}/)?{_LABEL}(=({_LABEL})?)?:(NoSchedule|PreferNoSchedule|NoExecute)",
            "key=value:NoSchedule or key:NoExecute",
        )
    ),
]
