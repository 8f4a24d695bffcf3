"""Prunes objects that have left an overlay.

They stay in the record until they have been observed to be gone. An object that the overlay contains is never
pruned, even if an earlier overlay did not contain it.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from coppice.components.application import Live, going
from coppice.components.observed import Observed
from coppice.components.removal import Remove
from coppice.environment.records import Record, WriteRecord
from coppice.environment.references import ObjectRef
from coppice.reconciler.observation import Unknown, present
from coppice.reconciler.plan import Blocked, Item, Wait, first_unread, wave

_SOON = 10.0  # seconds


def left(record: Record, objects: Iterable[ObjectRef], back: Iterable[Live]) -> tuple[ObjectRef, ...]:
    """Return the objects to be recorded as being pruned.

    Args:
        record: the record as it was.
        objects: the objects that the overlay contains now.
        back: those of `objects` that are still being deleted.

    Returns:
        The objects of the inventory and of earlier prunings that the overlay no longer contains, and `back`.
    """
    return tuple(sorted({*record.inventory, *record.pruning} - set(objects) | {live.ref for live in back}))


def coming_back(
    observed: Observed, record: Record, objects: Collection[ObjectRef]
) -> tuple[Live, ...] | Wait | Blocked:
    """Return the objects that the overlay contains again while they are still being deleted.

    Such an object accepts what is applied to it and is deleted nevertheless. So it has to be gone before it
    is applied.

    Args:
        observed: the branch.
        record: the environment's record.
        objects: the objects that the overlay contains now.

    Returns:
        These objects, or a barrier if the objects being pruned were not read.
    """
    if present(observed.namespace) is None or not {*record.pruning} & {*objects}:
        return ()
    unread = first_unread(observed.removed)
    return unread or tuple(
        live for live in present(observed.removed) or () if live.deleting and live.ref in objects
    )


def going_out(removed: Iterable[Live]) -> tuple[Wait, ...]:
    """Return the wait for objects that are being deleted; empty if there are none."""
    why = "; ".join(going(live.ref, live.held_by) for live in removed)
    return (Wait(why, "pruning", _SOON),) if why else ()


def prune(observed: Observed, record: Record) -> tuple[Item, ...]:
    """Plan to delete the objects that have left the overlay, and to clear them from the record when gone.

    Args:
        observed: the branch.
        record: the environment's record.

    Returns:
        The deletions, the wait for objects that are being deleted, or the update of the record; empty if no
        object is being pruned.
    """
    if not record.pruning:
        return ()
    if isinstance(observed.removed, Unknown):
        return (Wait(f"not read: {observed.removed.error}", "pruning", _SOON),)
    removed = [
        live for live in present(observed.removed) or () if live.deleting or live.ref not in record.inventory
    ]
    if not removed:
        return wave(WriteRecord(record=replace(record, pruning=())))
    return wave(*(Remove(subject=live) for live in removed if not live.deleting)) or going_out(removed)
