"""Plans the `beside` steps of components.

The application neither waits for these steps nor fails with them. What cannot be done now is reported as a
barrier, and each sweep tries it again.
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
    """Combine the repairs of an applied environment with the `beside` steps of its components.

    Args:
        mended: the repairs.
        plan_input: the input of planning, with the values of the overlay if it was built.
        record: the environment's record.
        refused: why the overlay is refused; `None` if it is not.
        built: whether the overlay was built.
        unbuilt: the barrier that says why the overlay is not built, if a component requires it; otherwise
            `None`.

    Returns:
        The repairs, with the `beside` steps after their leading waves. If the `beside` steps hold a barrier,
        they come last, so that the barriers of the repairs are reported first. If the overlay is refused, the
        repairs are followed by the refusal. If it was not built, they are followed by the first barrier about
        state that could not be read, else by `unbuilt`, if there is one.
    """
    if refused is not None:
        return (*mended, Blocked(str(refused), "refused"))
    if not built:
        unread = (barrier for each in COMPONENTS for barrier in each.unread_beside(plan_input.observed))
        barrier = next(unread, unbuilt)
        return (*mended, barrier) if barrier else mended
    items, settled = all_beside(plan_input, [each.ensure(plan_input) for each in COMPONENTS], record)
    ready = tuple(takewhile(lambda item: isinstance(item, Wave), mended))
    # A plan writes the record at most once before its first barrier.
    if not items and settled != record and not any(_writes_record(each) for each in ready):
        items = wave(WriteRecord(record=settled))
    if any(not isinstance(item, Wave) for item in items):
        return (*mended, *items)
    return (*ready, *items, *mended[len(ready) :])


def all_beside(
    plan_input: PlanInput, steps: Iterable[Steps], record: Record
) -> tuple[tuple[Item, ...], Record]:
    """Collect the `beside` steps of all components.

    Args:
        plan_input: the input of planning, with the values of the overlay.
        steps: the steps of each component, in the order of `COMPONENTS`.
        record: the record.

    Returns:
        The steps, and the record as it must be written before them.
    """
    items: tuple[Item, ...] = ()
    for component, each in zip(COMPONENTS, steps, strict=True):
        items = (*items, *each.beside)
        record = component.noted_beside(record, plan_input, each.beside)
    return items, record


def _writes_record(item: Item) -> bool:
    return isinstance(item, Wave) and any(isinstance(each, WriteRecord) for each in item.changes)
