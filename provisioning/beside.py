"""What stands beside an environment's application, which neither waits for it nor falls with it: what cannot
be done about it now is told, and tried again by each sweep.
"""

from collections.abc import Iterable
from itertools import takewhile

from coppice.components.registry import COMPONENTS
from coppice.components.stages import PlanInput, Steps
from coppice.environment.records import Record, WriteRecord
from coppice.manifests.rejection import Rejection
from coppice.reconciler.plan import Blocked, Item, Wait, Wave, wave


def beside(
    mended: tuple[Item, ...],
    plan_input: PlanInput,
    record: Record,
    *,
    refused: Rejection | None,
    built: bool,
    unbuilt: Wait | Blocked | None,
) -> tuple[Item, ...]:
    """Look after it beside all else that an environment needs whose overlay stands applied.

    Args:
        mended: what it needs beside.
        plan_input: what was observed, and what the overlay brings if it is due because of this.
        record: its record.
        refused: why the overlay is refused, if it is.
        built: whether the overlay was built.
        unbuilt: why what the overlay asks for is not known, though it is due.

    Returns:
        The waves of both, the application's first; its barriers before those of what stands beside it.
    """
    if refused is not None:
        return (*mended, Blocked(str(refused), "refused"))
    if not built:
        unread = (barrier for each in COMPONENTS for barrier in each.unread_beside(plan_input.observed))
        barrier = next(unread, unbuilt)
        return (*mended, barrier) if barrier else mended
    items, settled = all_beside(plan_input, [each.ensure(plan_input) for each in COMPONENTS], record)
    ready = tuple(takewhile(lambda item: isinstance(item, Wave), mended))
    # One pass writes the record once.
    if not items and settled != record and not any(_writes_record(each) for each in ready):
        items = wave(WriteRecord(record=settled))
    if any(not isinstance(item, Wave) for item in items):
        return (*mended, *items)
    return (*ready, *items, *mended[len(ready) :])


def all_beside(
    plan_input: PlanInput, steps: Iterable[Steps], record: Record
) -> tuple[tuple[Item, ...], Record]:
    """What there is to do beside the application, and the record with what it has to say of that.

    Args:
        plan_input: what was observed, and what the overlay brings.
        steps: what ensures each component.
        record: the record.
    """
    items: tuple[Item, ...] = ()
    for component, each in zip(COMPONENTS, steps, strict=True):
        items = (*items, *each.beside)
        record = component.noted_beside(record, plan_input, each.beside)
    return items, record


def _writes_record(item: Item) -> bool:
    return isinstance(item, Wave) and any(isinstance(each, WriteRecord) for each in item.changes)
