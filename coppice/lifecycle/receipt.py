"""The receipt of a removal: what became of each resource, over however many runs it took."""

from collections.abc import Mapping, Sequence

from coppice.components.removal import DeleteRecord
from coppice.environment.records import Record, WriteRecord
from coppice.reconciler.controller import ChangeResult


def receipt_of(results: Sequence[ChangeResult], record: Record | None) -> Mapping[str, str]:
    """Say how far a removal has come.

    Args:
        results: what the run has changed.
        record: the record as it was read last.

    Returns:
        Resource → `deleted`, `absent`, `standing` or `failed: …`: from the record as it was removed, else as
        it stands.
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
