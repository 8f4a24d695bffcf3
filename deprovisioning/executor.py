"""The steps that take an environment away: each makes one change, and decides nothing."""

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
    """All that a removal may do."""

    records: RecordWriter
    record_deleter: RecordDeleter
    namespaces: NamespaceDeleter
    cron_jobs: CronJobSuspender
    handlers: tuple[DeprovisioningHandler, ...] = ()

    def execute(self, change: Change) -> str | None:
        """Make one change.

        Args:
            change: one that a plan of this room holds.

        Returns:
            What is to be said of it beside, if anything.

        Raises:
            Failure: it could not be made.
            TypeError: it is no change of this room's.
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
