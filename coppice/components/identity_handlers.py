"""The handlers of federated credentials.

Provisioning creates credentials and deletes those that are no longer needed. Deprovisioning only deletes.
"""

from dataclasses import dataclass
from typing import ClassVar

from coppice.components.federated_identity import CreateCredential, CredentialWriter
from coppice.components.removal import CredentialDeleter, DeleteCredential
from coppice.reconciler.plan import Change


@dataclass(frozen=True, kw_only=True)
class CredentialMaker:
    """Creates credentials, and deletes those that are no longer needed.

    Args:
        credentials: creates credentials.
        extra: deletes credentials that are no longer needed.
    """

    credentials: CredentialWriter
    extra: CredentialDeleter
    handles: ClassVar[tuple[type[Change], ...]] = (CreateCredential, DeleteCredential)

    def provision(self, change: CreateCredential | DeleteCredential) -> None:
        """Create or delete a credential.

        Args:
            change: the change to execute.

        Raises:
            Failure: the change could not be made.
        """
        if isinstance(change, CreateCredential):
            self.credentials.create(change.credential)
        else:
            self.extra.delete(change.owned)


@dataclass(frozen=True)
class CredentialRemover:
    """Deletes credentials.

    Args:
        credentials: deletes credentials.
    """

    credentials: CredentialDeleter
    handles: ClassVar[tuple[type[Change], ...]] = (DeleteCredential,)

    def deprovision(self, change: DeleteCredential) -> None:
        """Delete a credential.

        Args:
            change: the change to execute.

        Raises:
            Failure: the change could not be made.
        """
        self.credentials.delete(change.owned)
