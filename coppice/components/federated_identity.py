"""An environment's identity: the federated credentials that let its service accounts in, and the pool they
are spread over.

A managed identity holds twenty credentials at the most, and writes to one identity must not overlap
(https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations). So each
environment is given the identity with the most room, writes it down, and every write takes the identity's
lock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from coppice.environment.config import EnvironmentConfig
from coppice.environment.naming import Name, credential_name, subject
from coppice.environment.references import CredentialRef
from coppice.reconciler.plan import Change

MOST_CREDENTIALS = 20
# What a token has to be for, letter by letter: the webhook and the CSI driver ask the cluster for such ones.
AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A federated identity credential; it lets tokens in that are for one of its audiences."""

    identity: str
    name: str
    issuer: str
    subject: str
    audiences: tuple[str, ...] = (AUDIENCE,)

    def __str__(self) -> str:
        return f"credential/{self.identity}/{self.name}"

    @property
    def ref(self) -> CredentialRef:
        """Its place."""
        return CredentialRef(self.identity, self.name)

    @property
    def usable(self) -> bool:
        """Whether the tokens that pods are given are for an audience of it (else Entra says AADSTS700212)."""
        return AUDIENCE in self.audiences

    @property
    def namespace(self) -> str | None:
        """The namespace of the service account that it lets in; `None` if it is about something else."""
        parts = self.subject.split(":")
        return parts[2] if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"] else None


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A user-assigned managed identity; `ref` is `resourceGroup/identityName`."""

    ref: str
    client_id: str
    credentials: tuple[Credential, ...]


@dataclass(frozen=True, kw_only=True)
class CreateCredential(Change):
    """Create a federated credential."""

    verb: ClassVar[str] = "create"
    credential: Credential

    @property
    def target(self) -> str:
        """The credential."""
        return str(self.credential)

    @property
    def lock(self) -> str:
        """Its identity's."""
        return identity_lock(self.credential.identity)


def identity_lock(identity: str) -> str:
    """The lock under which credentials of an identity are written."""
    return f"identity/{identity}"


def wanted_credentials(
    name: Name, *, config: EnvironmentConfig, identities: Mapping[str, str], issuer: str
) -> tuple[Credential, ...]:
    """The credentials that an environment needs.

    Args:
        name: the environment's names.
        config: which service accounts there are, and which pools their identities come from.
        identities: pool → the identity chosen from it; accounts of other pools are left out.
        issuer: the cluster's issuer of service-account tokens.

    Returns:
        One for each service account.
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
    """Those that do not stand, or are for another audience. A credential is known by issuer and subject: one
    under an older name will do. One for another audience is to be written anew under the name that it has,
    for an identity holds no second one about the same.
    """
    known = {(each.identity, each.issuer, each.subject): each for each in there}
    found = ((each, known.get((each.identity, each.issuer, each.subject))) for each in wanted)
    return tuple(
        replace(each, name=stands.name) if stands else each
        for each, stands in found
        if stands is None or not stands.usable
    )


def extra_credentials(wanted: Iterable[Credential], there: Iterable[Credential]) -> tuple[Credential, ...]:
    """Those that stand for a service account that needs none (any more), or has its own elsewhere by now."""
    needed = {(each.identity, each.subject) for each in wanted}
    return tuple(each for each in there if (each.identity, each.subject) not in needed)


class IdentityReader(Protocol):
    """Reads managed identities and their credentials."""

    def identity(self, ref: str) -> Identity:
        """An identity with its credentials.

        Raises:
            Gone: there is no such identity; check `WORKLOAD_IDENTITIES`.
        """

    def client_id(self, ref: str) -> str:
        """An identity's client id.

        Raises:
            Gone: there is no such identity; check `WORKLOAD_IDENTITIES`.
        """

    def credentials(self, ref: str) -> tuple[Credential, ...] | None:
        """Every credential of an identity, page by page; `None` if there is no such identity."""

    def issuer(self) -> str:
        """The cluster's issuer of service-account tokens."""


class CredentialWriter(Protocol):
    """Creates federated credentials."""

    def create(self, credential: Credential) -> None:
        """Create a credential, or make the one of its name the same.

        Raises:
            QuotaReached: the identity has no room left.
            Conflict: another write to the identity is under way.
        """
