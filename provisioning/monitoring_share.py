"""An environment's part in the monitoring that all share. It is a matter of its own: the application neither
waits for it nor falls with it, and what cannot be done about it now is told, and tried again by each sweep.
"""

from dataclasses import replace
from itertools import takewhile

from coppice.components.monitoring.merge import removals, with_part
from coppice.components.monitoring.shared import Shared
from coppice.components.removal import Remove
from coppice.environment.records import Record, WriteRecord
from coppice.lifecycle.observe_branch import Observed
from coppice.manifests.rejection import Rejection
from coppice.reconciler.observation import Reading, Unknown, present
from coppice.reconciler.plan import Blocked, Item, Wait, Wave, unread, wave
from provisioning.renderer import Desired

_LACKING = "its part in the monitoring that all share stays as it is, and all else goes on without it"


def part_items(observed: Observed, desired: Desired, monitoring: Reading[Shared]) -> tuple[Item, ...]:
    """Bring its part to what its overlay says.

    Args:
        observed: what was observed.
        desired: what the overlay asks for.
        monitoring: the monitoring that all share; `Absent` if the branch has, and is to have, no part in it.

    Returns:
        The waves, none if the part is as it should be; or why it cannot be done now, and what to do.
    """
    if isinstance(monitoring, Unknown):
        return (not_read(monitoring),)
    shared = present(monitoring)
    if shared is None:
        return ()
    if desired.part is not None:
        changes = with_part(shared, desired.part)
        return (_lacking(changes),) if isinstance(changes, Blocked) else wave(*changes)
    part = removals(shared, observed.key, observed.name.slug)
    return (_lacking(part),) if isinstance(part, Blocked) else wave(Remove(subject=part) if part else None)


def noting(record: Record, desired: Desired, items: tuple[Item, ...]) -> Record:
    """Note where the environment has a part, and whether anything is left to be done about it.

    Args:
        record: its record.
        desired: what the overlay asks for.
        items: what there is to do about its part.
    """
    wished = desired.part.names if desired.part is not None else ()
    names = dict.fromkeys((*wished, *(record.monitored if items else ())))
    return replace(record, monitored=tuple(sorted(names)), part_pending=bool(items))


def beside(
    mended: tuple[Item, ...],
    observed: Observed,
    record: Record,
    *,
    desired: Desired | Rejection | None,
    unbuilt: Wait | Blocked | None,
) -> tuple[Item, ...]:
    """Look after the part beside all else that an environment needs whose overlay stands applied.

    Args:
        mended: what it needs beside.
        observed: what was observed.
        record: its record.
        desired: what the overlay asks for, if it is due because of the part.
        unbuilt: why that is not known, though it is due.

    Returns:
        The waves of both, the application's first; its barriers before those of the part.
    """
    if isinstance(desired, Rejection):
        return (*mended, Blocked(str(desired), "refused"))
    if desired is None:
        monitoring = observed.monitoring if record.monitored else None
        barrier = not_read(monitoring) if isinstance(monitoring, Unknown) else unbuilt
        return (*mended, barrier) if barrier else mended
    items = part_items(observed, desired, observed.monitoring)
    settled = noting(record, desired, items)
    ready = tuple(takewhile(lambda item: isinstance(item, Wave), mended))
    # One pass writes the record once.
    if not items and settled != record and not any(_writes_record(each) for each in ready):
        items = wave(WriteRecord(record=settled))
    if any(not isinstance(item, Wave) for item in items):
        return (*mended, *items)
    return (*ready, *items, *mended[len(ready) :])


def not_read(monitoring: Unknown) -> Wait | Blocked:
    """What is told of a part that could not be looked at."""
    error = monitoring.error
    return unread(f"its part in the monitoring that all share was not read: {error}", error)


def _lacking(stop: Blocked) -> Blocked:
    return replace(stop, why=f"{_LACKING}: {stop.why}")


def _writes_record(item: Item) -> bool:
    return isinstance(item, Wave) and any(isinstance(each, WriteRecord) for each in item.changes)
