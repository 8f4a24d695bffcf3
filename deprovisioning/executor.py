"""Executes the changes of deprovisioning. Each call makes one change and decides nothing."""

from dataclasses import dataclass

from coppice.components.application import CronJobSuspender, Suspend
from coppice.components.handlers import DeprovisioningHandler
from coppice.components.removal import (
    DeleteNamespace,
    DeleteRecord,
    DeleteRequest,
    NamespaceDeleter,
    RecordDeleter,
)
from coppice.environment.records import RecordWriter, WriteRecord
from coppice.reconciler.plan import Change


@dataclass(frozen=True, kw_only=True)
class Executor:
    """Executes every change that deprovisioning may make.

    Args:
        records: writes records.
        record_deleter: deletes records and requests.
        namespaces: deletes namespaces.
        cron_jobs: suspends CronJobs.
        handlers: execute the changes of components.
    """

    records: RecordWriter
    record_deleter: RecordDeleter
    namespaces: NamespaceDeleter
    cron_jobs: CronJobSuspender
    handlers: tuple[DeprovisioningHandler, ...] = ()

    def execute(self, change: Change) -> str | None:
        """Execute one change.

        Args:
            change: a change of a deprovisioning plan.

        Returns:
            A message about the change that is reported with it; `None` if there is none.

        Raises:
            Failure: the change could not be made.
            TypeError: deprovisioning does not make changes of this type.
        """
        match change:
            case WriteRecord():
                self.records.write(change.record)
            case Suspend():
                self.cron_jobs.suspend(change.namespace, change.name)
            case DeleteNamespace():
                self.namespaces.delete(change.owned)
            case DeleteRecord():
                self.record_deleter.delete_record(change.owned)
            case DeleteRequest():
                self.record_deleter.delete_request(change.owned)
            case _:
                for handler in self.handlers:
                    if isinstance(change, handler.handles):
                        return handler.deprovision(change)
                raise TypeError(f"deprovisioning does not do this: {change}")
        return None
