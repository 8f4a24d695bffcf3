"""What has left an overlay: it stays on record until it was seen to be gone, and nothing that the overlay has
is ever pruned, whatever it had before.
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
    """What is to be seen off.

    Args:
        record: what was noted before.
        objects: what the overlay has now.
        back: those of them that are still on their way out.
    """
    return tuple(sorted({*record.inventory, *record.pruning} - set(objects) | {live.ref for live in back}))


def coming_back(
    observed: Observed, record: Record, objects: Collection[ObjectRef]
) -> tuple[Live, ...] | Wait | Blocked:
    """What the overlay has again before it has gone. It would take what is applied to it, and go all the
    same.

    Args:
        observed: what was observed.
        record: its record.
        objects: what the overlay has now.

    Returns:
        These; or the barrier, if that was not read.
    """
    if present(observed.namespace) is None or not {*record.pruning} & {*objects}:
        return ()
    unread = first_unread(observed.removed)
    return unread or tuple(
        live for live in present(observed.removed) or () if live.deleting and live.ref in objects
    )


def going_out(removed: Iterable[Live]) -> tuple[Wait, ...]:
    """The gate of what is on its way out; none if nothing is."""
    why = "; ".join(going(live.ref, live.held_by) for live in removed)
    return (Wait(why, "pruning", _SOON),) if why else ()


def prune(observed: Observed, record: Record) -> tuple[Item, ...]:
    """Delete what has left the overlay, and forget it once it is gone.

    Args:
        observed: what was observed.
        record: its record.
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
