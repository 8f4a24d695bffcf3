"""The steps that make an environment: each makes one change, and decides nothing.

What it is handed can delete objects, credentials and requests, but no namespace and no record.
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
    """All that provisioning may do."""

    records: RecordWriter
    requests: RequestDeleter
    namespaces: NamespaceWriter
    application: ApplicationWriter
    objects: ObjectDeleter
    handlers: tuple[ProvisioningHandler, ...] = ()

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
