"""Where federated credentials are created and deleted; those that are needed no more go in passing."""

from dataclasses import dataclass
from typing import ClassVar

from coppice.components.federated_identity import CreateCredential, CredentialWriter
from coppice.components.removal import CredentialDeleter, DeleteCredential
from coppice.reconciler.plan import Change


@dataclass(frozen=True, kw_only=True)
class CredentialMaker:
    """Creates credentials, and deletes those that are needed no more.

    Args:
        credentials: creates them.
        extra: deletes them.
    """

    credentials: CredentialWriter
    extra: CredentialDeleter
    handles: ClassVar[tuple[type[Change], ...]] = (CreateCredential, DeleteCredential)

    def provision(self, change: CreateCredential | DeleteCredential) -> None:
        """Create or delete one."""
        if isinstance(change, CreateCredential):
            self.credentials.create(change.credential)
        else:
            self.extra.delete(change.owned)


@dataclass(frozen=True)
class CredentialRemover:
    """Deletes credentials.

    Args:
        credentials: deletes them.
    """

    credentials: CredentialDeleter
    handles: ClassVar[tuple[type[Change], ...]] = (DeleteCredential,)

    def deprovision(self, change: DeleteCredential) -> None:
        """Delete one."""
        self.credentials.delete(change.owned)
