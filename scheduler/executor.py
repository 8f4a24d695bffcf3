"""The scheduler's executor. It makes one change at a time, and decides nothing."""

from dataclasses import dataclass

from coppice.reconciler.plan import Change
from scheduler.flags import Commit, Committer
from scheduler.gitops import Refresh, Refresher
from scheduler.ledger import LedgerWriter, WriteLedger
from scheduler.pools import PoolWriter, PutPool


@dataclass(frozen=True, kw_only=True)
class Executor:
    """Everything that the scheduler may do."""

    committer: Committer
    refresher: Refresher
    pools: PoolWriter
    ledgers: LedgerWriter

    def execute(self, change: Change) -> None:
        """Make one change.

        Args:
            change: a change from a plan of the scheduler.

        Raises:
            Failure: the change could not be made.
            TypeError: the scheduler does not make such changes, or the change has not passed
                `scheduler.ownership`.
        """
        match change:
            case WriteLedger():
                self.ledgers.write(change.ledger)
            case Commit():
                self.committer.commit(change)
            case Refresh():
                self.refresher.refresh(change.synced)
            case PutPool():
                self.pools.put(change.allowed, change.shape)
            case _:
                raise TypeError(f"the scheduler does not do this: {change}")
