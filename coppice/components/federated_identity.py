"""Federated identity credentials, which let an environment's service accounts sign in as managed identities.

A managed identity holds at most 20 credentials, and concurrent writes to one identity are not supported
(https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations). So environments
are spread over a pool of identities: each is assigned the identity with the most room, and the assignment is
stored in its record. Every write takes the lock of the identity.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from coppice.environment.config import EnvironmentConfig
from coppice.environment.naming import Name, credential_name, subject
from coppice.environment.observed_parts import ObservedPart
from coppice.environment.references import CredentialRef
from coppice.reconciler.plan import Change

MOST_CREDENTIALS = 20
# The exact audience of the tokens that the workload identity webhook and the CSI driver request.
AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """A federated identity credential. It accepts tokens that were issued for one of its audiences."""

    identity: str
    name: str
    issuer: str
    subject: str
    audiences: tuple[str, ...] = (AUDIENCE,)

    def __str__(self) -> str:
        return f"credential/{self.identity}/{self.name}"

    @property
    def ref(self) -> CredentialRef:
        """Return its reference: the identity and its name."""
        return CredentialRef(self.identity, self.name)

    @property
    def usable(self) -> bool:
        """Return whether it accepts the tokens that pods are given.

        Otherwise Entra rejects them with AADSTS700212.
        """
        return AUDIENCE in self.audiences

    @property
    def namespace(self) -> str | None:
        """Return the namespace of the service account that it trusts; `None` if it trusts something else."""
        parts = self.subject.split(":")
        return parts[2] if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"] else None


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A user-assigned managed identity.

    Args:
        ref: its reference, as `resourceGroup/identityName`.
        client_id: its client id.
        credentials: its federated credentials.
    """

    ref: str
    client_id: str
    credentials: tuple[Credential, ...]


@dataclass(frozen=True, kw_only=True)
class CreateCredential(Change):
    """Create a federated credential, or overwrite the one of its name."""

    verb: ClassVar[str] = "create"
    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.CREDENTIALS})
    credential: Credential

    @property
    def target(self) -> str:
        """Return the credential's name."""
        return str(self.credential)

    @property
    def lock(self) -> str:
        """Return the lock of the credential's identity."""
        return identity_lock(self.credential.identity)


def identity_lock(identity: str) -> str:
    """Return the lock under which credentials of an identity are written."""
    return f"identity/{identity}"


def wanted_credentials(
    name: Name, *, config: EnvironmentConfig, identities: Mapping[str, str], issuer: str
) -> tuple[Credential, ...]:
    """Return the credentials that an environment needs.

    Args:
        name: the environment's names.
        config: the configuration, with the service accounts and their pools.
        identities: pool → the identity chosen from it. Service accounts of other pools are left out.
        issuer: the cluster's issuer of service-account tokens.

    Returns:
        One credential for each service account.
    """
    return tuple(
        Credential(
            identity=identities[pool],
            name=credential_name(
                name.slug, account, prefix=config.prefixes.credential, sole=len(config.accounts) == 1
            ),
            issuer=issuer,
            subject=subject(name.namespace, account),
        )
        for account, pool in config.accounts.items()
        if pool in identities
    )


def missing_credentials(wanted: Iterable[Credential], there: Iterable[Credential]) -> tuple[Credential, ...]:
    """Return the wanted credentials that do not exist, or that exist for another audience.

    Credentials are matched by identity, issuer and subject, so one that exists under an older name is not
    missing. An identity cannot hold two credentials with the same issuer and subject. So one that exists for
    another audience is returned under its existing name, to be overwritten.

    Args:
        wanted: the credentials that the environment needs.
        there: the credentials that exist.
    """
    known = {(each.identity, each.issuer, each.subject): each for each in there}
    found = ((each, known.get((each.identity, each.issuer, each.subject))) for each in wanted)
    return tuple(
        replace(each, name=stands.name) if stands else each
        for each, stands in found
        if stands is None or not stands.usable
    )


def extra_credentials(wanted: Iterable[Credential], there: Iterable[Credential]) -> tuple[Credential, ...]:
    """Return the credentials that exist and are not needed.

    Their service account needs no credential, or has it on another identity.

    Args:
        wanted: the credentials that the environment needs.
        there: the credentials that exist.
    """
    needed = {(each.identity, each.subject) for each in wanted}
    return tuple(each for each in there if (each.identity, each.subject) not in needed)


class IdentityReader(Protocol):
    """Reads managed identities and their credentials."""

    def identity(self, ref: str) -> Identity:
        """Return an identity with its credentials.

        Args:
            ref: the identity's reference.

        Raises:
            Gone: the identity does not exist; check `WORKLOAD_IDENTITIES`.
        """

    def client_id(self, ref: str) -> str:
        """Return an identity's client id.

        Args:
            ref: the identity's reference.

        Raises:
            Gone: the identity does not exist; check `WORKLOAD_IDENTITIES`.
        """

    def credentials(self, ref: str) -> tuple[Credential, ...] | None:
        """Return all credentials of an identity, reading page by page; `None` if it does not exist."""

    def issuer(self) -> str:
        """Return the cluster's issuer of service-account tokens."""


class CredentialWriter(Protocol):
    """Creates federated credentials."""

    def create(self, credential: Credential) -> None:
        """Create a credential, or overwrite the one of its name.

        Args:
            credential: the credential.

        Raises:
            QuotaReached: the identity has no room left.
            Conflict: another write to the identity is in progress.
        """
