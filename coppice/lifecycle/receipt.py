"""The receipt of a removal: the state of each resource, collected over all runs of the removal."""

from collections.abc import Mapping, Sequence

from coppice.components.removal import DeleteRecord
from coppice.environment.records import Record, WriteRecord
from coppice.reconciler.execution import ChangeResult


def receipt_of(results: Sequence[ChangeResult], record: Record | None) -> Mapping[str, str]:
    """Return the receipt of a removal.

    Args:
        results: the results of the run's changes.
        record: the record as it was read last.

    Returns:
        Resource → `deleted`, `absent`, `standing` or `failed: …`. It comes from the record that the run
        deleted, else from the one that it wrote last, else from `record`.
    """
    made = [each.change for each in results if not each.error]
    removed = [each.owned.subject for each in made if isinstance(each, DeleteRecord)]
    if removed:
        return removed[-1].receipt
    written = [each.record for each in made if isinstance(each, WriteRecord)]
    latest = written[-1] if written else record
    if latest is None:
        return {}
    failed = {each.change.target: f"failed: {each.error}" for each in results if each.error}
    return {**latest.receipt, **failed}
