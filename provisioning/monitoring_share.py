"""An environment's part in the monitoring that all share. It is a matter of its own: the application neither
waits for it nor falls with it, and what cannot be done about it now is told, and tried again by each sweep.
"""

from dataclasses import replace
from itertools import takewhile

from coppice.components.monitoring.merge import leaving, with_part
from coppice.components.monitoring.shared import Shared
from coppice.components.removal import Remove
from coppice.environment.records import Record, WriteRecord
from coppice.lifecycle.observe_branch import Observed
from coppice.manifests.rejection import Refused
from coppice.reconciler.observation import Reading, Unknown, standing
from coppice.reconciler.plan import Gate, Item, Stop, Wave, unread, wave
from provisioning.renderer import Desired

_LACKING = "its part in the monitoring that all share stays as it is, and all else goes on without it"


def part_items(seen: Observed, desired: Desired, monitoring: Reading[Shared]) -> tuple[Item, ...]:
    """Bring its part to what its overlay says.

    Args:
        seen: what was observed.
        desired: what the overlay asks for.
        monitoring: the monitoring that all share; `Absent` if the branch has, and is to have, no part in it.

    Returns:
        The waves, none if the part is as it should be; or why it cannot be done now, and what to do.
    """
    if isinstance(monitoring, Unknown):
        return (not_read(monitoring),)
    shared = standing(monitoring)
    if shared is None:
        return ()
    if desired.part is not None:
        changes = with_part(shared, desired.part)
        return (_lacking(changes),) if isinstance(changes, Stop) else wave(*changes)
    part = leaving(shared, seen.key, seen.name.slug)
    return (_lacking(part),) if isinstance(part, Stop) else wave(Remove(subject=part) if part else None)


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
    seen: Observed,
    record: Record,
    *,
    desired: Desired | Refused | None,
    unbuilt: Gate | Stop | None,
) -> tuple[Item, ...]:
    """Look after the part beside all else that an environment needs whose overlay stands applied.

    Args:
        mended: what it needs beside.
        seen: what was observed.
        record: its record.
        desired: what the overlay asks for, if it is due because of the part.
        unbuilt: why that is not known, though it is due.

    Returns:
        The waves of both, the application's first; its barriers before those of the part.
    """
    if isinstance(desired, Refused):
        return (*mended, Stop(str(desired), "refused"))
    if desired is None:
        monitoring = seen.monitoring if record.monitored else None
        barrier = not_read(monitoring) if isinstance(monitoring, Unknown) else unbuilt
        return (*mended, barrier) if barrier else mended
    items = part_items(seen, desired, seen.monitoring)
    settled = noting(record, desired, items)
    ready = tuple(takewhile(lambda item: isinstance(item, Wave), mended))
    # One pass writes the record once.
    if not items and settled != record and not any(_writes_record(each) for each in ready):
        items = wave(WriteRecord(record=settled))
    if any(not isinstance(item, Wave) for item in items):
        return (*mended, *items)
    return (*ready, *items, *mended[len(ready) :])


def not_read(monitoring: Unknown) -> Gate | Stop:
    """What is told of a part that could not be looked at."""
    error = monitoring.error
    return unread(f"its part in the monitoring that all share was not read: {error}", error)


def _lacking(stop: Stop) -> Stop:
    return replace(stop, why=f"{_LACKING}: {stop.why}")


def _writes_record(item: Item) -> bool:
    return isinstance(item, Wave) and any(isinstance(each, WriteRecord) for each in item.changes)
