"""Executes the changes of provisioning. Each call makes one change and decides nothing.

The ports and handlers that this executor is given can delete objects, credentials, requests and a branch's
part in the shared monitoring. They cannot delete a namespace, a record or a database.
"""

from dataclasses import dataclass

from coppice.components.application import ApplicationWriter, Apply
from coppice.components.handlers import ProvisioningHandler
from coppice.components.namespace import Annotate, ApplyNamespace, CreateNamespace, NamespaceWriter
from coppice.components.removal import (
    DeleteObject,
    DeleteRequest,
    ObjectDeleter,
    RequestDeleter,
)
from coppice.environment.records import RecordWriter, WriteRecord
from coppice.reconciler.plan import Change


@dataclass(frozen=True, kw_only=True)
class Executor:
    """Executes every change that provisioning may make.

    Args:
        records: writes records.
        requests: deletes requests.
        namespaces: creates, labels and annotates namespaces.
        application: applies objects.
        objects: deletes objects.
        handlers: execute the changes of components.
    """

    records: RecordWriter
    requests: RequestDeleter
    namespaces: NamespaceWriter
    application: ApplicationWriter
    objects: ObjectDeleter
    handlers: tuple[ProvisioningHandler, ...] = ()

    def execute(self, change: Change) -> None:
        """Execute one change.

        Args:
            change: a change of a provisioning plan.

        Raises:
            Failure: the change could not be made.
            TypeError: provisioning does not make changes of this type.
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
            case Apply():
                self.application.apply(change.namespace, change.manifest)
            case DeleteObject():
                self.objects.delete(change.namespace, change.owned)
            case DeleteRequest():
                self.requests.delete_request(change.owned)
            case _:
                self._hand_over(change)

    def _hand_over(self, change: Change) -> None:
        handler = next((each for each in self.handlers if isinstance(change, each.handles)), None)
        if handler is None:
            raise TypeError(f"provisioning does not do this: {change}")
        handler.provision(change)

    def _write(self, change: WriteRecord) -> None:
        if change.most is None:
            self.records.write(change.record)
        else:
            self.records.take_place(change.record, change.most)
