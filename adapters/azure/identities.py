"""Managed identities and their federated identity credentials, through `azure-mgmt-msi`."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from sys import intern
from typing import Protocol

from azure.core.credentials import TokenCredential
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.msi.models import FederatedIdentityCredential

from adapters.azure.client import options, translated
from adapters.retry import retry_reads, retry_throttled
from coppice.components.federated_identity import Credential, Identity
from coppice.components.removal import Owned
from coppice.reconciler.errors import Gone, Unreachable


class _Identities:
    def __init__(self, credential: TokenCredential, subscription: str, url: str) -> None:
        self._client = ManagedServiceIdentityClient(credential, subscription, **options(url))


class IdentityReaderAdapter(_Identities):
    """Reads identities and their credentials.

    Args:
        credential: the identity to act as.
        subscription: the identities' subscription.
        url: the ARM endpoint.
        issuer: returns the cluster's issuer.
    """

    def __init__(
        self, credential: TokenCredential, subscription: str, url: str, *, issuer: Callable[[], str]
    ) -> None:
        super().__init__(credential, subscription, url)
        self.issuer = issuer

    def identity(self, ref: str) -> Identity:
        """Read an identity and its credentials; two calls.

        Args:
            ref: the identity, `resource group/name`.

        Returns:
            The identity.

        Raises:
            Gone: there is no such identity.
            Failure: Azure refused, or did not answer.
        """
        return Identity(ref=ref, client_id=self.client_id(ref), credentials=self.credentials(ref) or ())

    @retry_reads
    def client_id(self, ref: str) -> str:
        """Read the client id of an identity; one call.

        Args:
            ref: the identity, `resource group/name`.

        Returns:
            The client id.

        Raises:
            Gone: there is no such identity.
            Failure: Azure refused, or did not answer.
        """
        group, name = _split(ref)
        try:
            with translated(f"read identity {ref}"):
                found = self._client.user_assigned_identities.get(group, name).client_id
        except Gone as error:
            raise Gone(f"{error}. Check WORKLOAD_IDENTITIES") from error
        if not found:
            raise Unreachable(f"Azure's answer lacks the client id of identity {ref}")
        return str(found)

    @retry_reads
    def credentials(self, ref: str) -> tuple[Credential, ...] | None:
        """List the credentials of an identity.

        Args:
            ref: the identity, `resource group/name`.

        Returns:
            The credentials; `None` if the identity itself does not exist.

        Raises:
            Failure: Azure refused, or did not answer.
        """
        group, name = _split(ref)
        try:
            with translated(f"list the credentials of identity {ref}"):
                listed = list(self._client.federated_identity_credentials.list(group, name))
        except Gone as error:
            if self._exists(ref):
                raise Unreachable(f"identity {ref} stands, and yet {error}") from error
            return None
        return tuple(
            Credential(
                identity=ref,
                name=each.name or "",
                issuer=intern(each.issuer or ""),  # the same for all credentials, and kept once
                subject=each.subject or "",
                audiences=tuple(each.audiences or ()),
            )
            for each in listed
        )

    def _exists(self, ref: str) -> bool:
        try:
            return bool(self.client_id(ref))
        except Gone:
            return False


class RateLimiter(Protocol):
    """Spaces writes out while Azure throttles."""

    def of(self, identity: str) -> AbstractContextManager[None]:
        """Wait for a slot if need be, and make one write inside the context.

        Args:
            identity: the identity to write to.

        Returns:
            The context.

        Raises:
            Throttled: the next free slot is too far away.
            Failure: the slots could not be read or written.
        """


class _RateLimited(_Identities):
    def __init__(
        self, credential: TokenCredential, subscription: str, url: str, *, rate_limiter: RateLimiter
    ) -> None:
        super().__init__(credential, subscription, url)
        self._rate_limiter = rate_limiter


class CredentialWriterAdapter(_RateLimited):
    """Creates federated credentials.

    Args:
        credential: the identity to act as.
        subscription: the identities' subscription.
        url: the ARM endpoint.
        rate_limiter: spaces writes out.
    """

    @retry_throttled
    def create(self, credential: Credential) -> None:
        """Create a credential, or update the one of its name. To write it twice changes nothing.

        Args:
            credential: the credential.

        Raises:
            QuotaReached: the identity has as many credentials as it may have.
            Failure: Azure refused, or did not answer.
        """
        group, name = _split(credential.identity)
        wanted = FederatedIdentityCredential(
            issuer=credential.issuer, subject=credential.subject, audiences=list(credential.audiences)
        )
        with self._rate_limiter.of(credential.identity), translated(f"create {credential}"):
            self._client.federated_identity_credentials.create_or_update(group, name, credential.name, wanted)


class CredentialDeleterAdapter(_RateLimited):
    """Deletes federated credentials.

    Args:
        credential: the identity to act as.
        subscription: the identities' subscription.
        url: the ARM endpoint.
        rate_limiter: spaces writes out.
    """

    @retry_throttled
    def delete(self, owned: Owned[Credential]) -> None:
        """Delete a credential. It is no error if the credential is gone.

        Args:
            owned: the credential, with proof that it is ours.

        Raises:
            Failure: Azure refused, or did not answer.
        """
        group, name = _split(owned.subject.identity)
        try:
            with self._rate_limiter.of(owned.subject.identity), translated(f"delete {owned.subject}"):
                self._client.federated_identity_credentials.delete(group, name, owned.subject.name)
        except Gone:
            return


def _split(ref: str) -> tuple[str, str]:
    group, _, name = ref.partition("/")
    return group, name
