"""The steps that make an environment: each makes one change, and decides nothing.

What it is handed can delete objects, credentials and requests, but no namespace and no record.
"""

from dataclasses import dataclass

from branches.application import ApplicationWriter, Apply
from branches.books import RecordWriter, WriteRecord
from branches.identity import CreateCredential, CredentialWriter
from branches.namespace import Annotate, ApplyNamespace, CreateNamespace, NamespaceWriter
from branches.removal import (
    CredentialDeleter,
    DeleteCredential,
    DeleteObject,
    DeleteRequest,
    ObjectDeleter,
    RequestDeleter,
)
from loop.plan import Change


@dataclass(frozen=True, kw_only=True)
class Steps:
    """All that provisioning may do."""

    records: RecordWriter
    requests: RequestDeleter
    namespaces: NamespaceWriter
    credentials: CredentialWriter
    surplus: CredentialDeleter
    application: ApplicationWriter
    objects: ObjectDeleter

    def act(self, change: Change) -> None:
        """Make one change.

        Args:
            change: one that a plan of this room holds.

        Raises:
            Failure: it could not be made.
            TypeError: it is no change of this room's.
        """
        match change:
            case WriteRecord():
                self.records.write(change.record)
            case CreateNamespace():
                self.namespaces.create(change.name, labels=change.labels, annotations=change.annotations)
            case ApplyNamespace():
                self.namespaces.apply(change.namespace, labels=change.labels, annotations=change.annotations)
            case Annotate():
                self.namespaces.annotate(change.name, change.applied.annotations())
            case CreateCredential():
                self.credentials.create(change.credential)
            case Apply():
                self.application.apply(change.namespace, change.manifest)
            case DeleteObject():
                self.objects.delete(change.namespace, change.owned)
            case DeleteCredential():
                self.surplus.delete(change.owned)
            case DeleteRequest():
                self.requests.delete_request(change.owned)
            case _:
                raise TypeError(f"provisioning does not do this: {change}")
