"""The steps of the scheduler: each makes one change, and decides nothing."""

from dataclasses import dataclass

from coppice.reconciler.plan import Change
from scheduler.flags import Commit, Committer
from scheduler.gitops import Refresh, Refresher
from scheduler.ledger import LedgerWriter, Note
from scheduler.pools import PoolWriter, PutPool


@dataclass(frozen=True, kw_only=True)
class Executor:
    """All that the scheduler may do."""

    committer: Committer
    refresher: Refresher
    pools: PoolWriter
    ledgers: LedgerWriter

    def execute(self, change: Change) -> None:
        """Make one change.

        Args:
            change: one that a plan of this room holds.

        Raises:
            Failure: it could not be made.
            TypeError: it is no change of this room's, or policy has not let it through.
        """
        match change:
            case Note():
                self.ledgers.write(change.ledger)
            case Commit():
                self.committer.commit(change)
            case Refresh():
                self.refresher.refresh(change.synced)
            case PutPool():
                self.pools.put(change.allowed, change.shape)
            case _:
                raise TypeError(f"the scheduler does not do this: {change}")
