"""What Entra knows about managed identities, read from ARM: it trusts only credentials that exist there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from devtools.emulators.entra.errors import unavailable

_PROVIDER = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"
_VERSION = {"api-version": "2024-11-30"}


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A federated identity credential."""

    issuer: str
    subject: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Application:
    """A managed identity, as the application of a token request."""

    name: str
    client_id: str
    principal_id: str
    credentials: tuple[Credential, ...]


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The managed identities of a tenant, read from ARM.

    Attributes:
        arm: the base URL of ARM.
        subscription: the subscription of the identities.
        groups: the resource groups of the identities.
    """

    arm: str
    subscription: str
    groups: tuple[str, ...]

    def application(self, client_id: str) -> Application | None:
        """Return the identity with a client id, or None.

        Args:
            client_id: the client id; case does not matter.

        Raises:
            EntraError: 503, ARM cannot be read.
        """
        try:
            with httpx.Client(base_url=self.arm, trust_env=False) as arm:
                for identity in self._identities(arm):
                    if identity["properties"]["clientId"].casefold() == client_id.casefold():
                        listed = _pages(arm, f"{identity['id']}/federatedIdentityCredentials")
                        return _application(identity, listed)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise unavailable() from error
        return None

    def _identities(self, arm: httpx.Client) -> Iterator[dict[str, Any]]:
        for group in self.groups:
            yield from _pages(arm, f"/subscriptions/{self.subscription}/resourceGroups/{group}/{_PROVIDER}")


def _pages(arm: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    answer = arm.get(path, params=_VERSION).raise_for_status().json()
    yield from answer["value"]
    while "nextLink" in answer:
        answer = arm.get(answer["nextLink"]).raise_for_status().json()
        yield from answer["value"]


def _application(identity: dict[str, Any], listed: Iterable[dict[str, Any]]) -> Application:
    return Application(
        name=identity["name"],
        client_id=identity["properties"]["clientId"],
        principal_id=identity["properties"]["principalId"],
        credentials=tuple(
            Credential(
                issuer=each["properties"]["issuer"],
                subject=each["properties"]["subject"],
                audiences=tuple(each["properties"]["audiences"]),
            )
            for each in listed
        ),
    )
