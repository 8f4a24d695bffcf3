"""Azure in the in-memory world: managed identities.

An identity has at most twenty credentials, and they are written one at a time.
"""

from dataclasses import dataclass

from coppice.components.federated_identity import MOST_CREDENTIALS, Credential, Identity, identity_lock
from coppice.components.removal import Owned
from coppice.reconciler.errors import Gone, QuotaReached, Rejected
from tests.support.world import World

ISSUER = "https://oidc.example/cluster/"


@dataclass
class Identities:
    """Reads identities and creates credentials."""

    world: World

    def issuer(self) -> str:
        with self.world.call("read issuer"):
            return ISSUER

    def identity(self, ref: str) -> Identity:
        return Identity(ref=ref, client_id=self.client_id(ref), credentials=self.credentials(ref) or ())

    def client_id(self, ref: str) -> str:
        with self.world.call(f"get identity/{ref}"):
            if ref not in self.world.identities:
                raise Gone(f"there is no identity {ref}: check WORKLOAD_IDENTITIES")
            return self.world.identities[ref]

    def credentials(self, ref: str) -> tuple[Credential, ...] | None:
        with self.world.call(f"list credentials of {ref}"):
            if ref not in self.world.identities:
                return None
            return tuple(self.world.credentials.get(ref, {}).values())

    def create(self, credential: Credential) -> None:
        with self.world.call(f"create {credential}"):
            _one_at_a_time(self.world, credential)
            if credential.identity not in self.world.identities:
                raise Gone(f"there is no identity {credential.identity}")
            named = self.world.credentials.setdefault(credential.identity, {})
            others = [each for each in named.values() if each.name != credential.name]
            if any((each.issuer, each.subject) == (credential.issuer, credential.subject) for each in others):
                raise Rejected(f"{credential}: issuer and subject are taken on this identity")
            if len(others) >= MOST_CREDENTIALS:
                raise QuotaReached(f"{credential}: Too many Federated Identity Credentials")
            named[credential.name] = credential


@dataclass
class CredentialDeleter:
    """Deletes credentials."""

    world: World

    def delete(self, owned: Owned[Credential]) -> None:
        credential = owned.subject
        with self.world.call(f"delete {credential}"):
            _one_at_a_time(self.world, credential)
            self.world.credentials.get(credential.identity, {}).pop(credential.name, None)


def _one_at_a_time(world: World, credential: Credential) -> None:
    """Fail unless the writer holds the identity's lock: Azure answers overlapping writes with 409."""
    held = world.leases.get(identity_lock(credential.identity))
    assert held is not None, f"{credential} was written without its identity's lock"
    assert held.until > world.now, f"{credential} was written under a lock that has expired"
