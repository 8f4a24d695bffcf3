"""The steps that make an environment: each makes one change, and decides nothing.

What it is handed can delete objects, credentials and requests, but no namespace and no record.
"""

import secrets
from dataclasses import dataclass
from functools import partial

from coppice.components.application import ApplicationWriter, Apply
from coppice.components.database import CreateDatabase, DatabaseWriter
from coppice.components.federated_identity import CreateCredential, CredentialWriter
from coppice.components.login import DeliverLogin, login_secret
from coppice.components.monitoring.merge import brought
from coppice.components.monitoring.shared import ReplaceShared, SharedWriter
from coppice.components.namespace import Annotate, ApplyNamespace, CreateNamespace, NamespaceWriter
from coppice.components.removal import (
    CredentialDeleter,
    DeleteCredential,
    DeleteObject,
    DeleteRequest,
    ObjectDeleter,
    RemovePart,
    RequestDeleter,
    take_out,
)
from coppice.environment.records import RecordWriter, WriteRecord
from coppice.reconciler.plan import Change


@dataclass(frozen=True, kw_only=True)
class Executor:
    """All that provisioning may do."""

    records: RecordWriter
    requests: RequestDeleter
    namespaces: NamespaceWriter
    credentials: CredentialWriter
    surplus: CredentialDeleter
    application: ApplicationWriter
    objects: ObjectDeleter
    monitoring: SharedWriter
    databases: DatabaseWriter | None = None

    def execute(self, change: Change) -> None:
        """Make one change.

        Args:
            change: one that a plan of this room holds.

        Raises:
            Failure: it could not be made.
            TypeError: it is no change of this room's.
        """
        match change:
            case WriteRecord():
                self._write(change)
            case CreateNamespace():
                self.namespaces.create(change.name, labels=change.labels, annotations=change.annotations)
            case ApplyNamespace():
                self.namespaces.apply(change.namespace, labels=change.labels, annotations=change.annotations)
            case Annotate():
                self.namespaces.annotate(change.name, change.applied.annotations())
            case CreateCredential():
                self.credentials.create(change.credential)
            case CreateDatabase() | DeliverLogin() if self.databases is not None:
                self._make_database(change, self.databases)
            case Apply():
                self.application.apply(change.namespace, change.manifest)
            case ReplaceShared():
                self.monitoring.edit(change.config.name, partial(brought, part=change.part))
            case DeleteObject() | DeleteCredential() | DeleteRequest() | RemovePart():
                self._delete(change)
            case _:
                raise TypeError(f"provisioning does not do this: {change}")

    def _write(self, change: WriteRecord) -> None:
        if change.most is None:
            self.records.write(change.record)
        else:
            self.records.take_place(change.record, change.most)

    def _delete(self, change: DeleteObject | DeleteCredential | DeleteRequest | RemovePart) -> None:
        match change:
            case DeleteObject():
                self.objects.delete(change.namespace, change.owned)
            case DeleteCredential():
                self.surplus.delete(change.owned)
            case DeleteRequest():
                self.requests.delete_request(change.owned)
            case RemovePart():
                take_out(change, self.monitoring)

    def _make_database(self, change: CreateDatabase | DeliverLogin, databases: DatabaseWriter) -> None:
        """A login is confirmed after the Secret has it, so that one which was cut short is replaced."""
        if isinstance(change, CreateDatabase):
            databases.create(change)
            return
        password, stamp = secrets.token_urlsafe(32), secrets.token_hex(8)
        databases.set_password(change.database, password, stamp)
        self.application.apply(change.namespace, login_secret(change, password, stamp))
        databases.confirm(change.database, stamp)
