"""A branch's part in the monitoring that all share, as a component of the branch's environment.

It is a matter of its own: the application neither waits for it nor falls with it, and what cannot be done
about it now is told, and tried again by each sweep.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from coppice.components.component import Component
from coppice.components.monitoring.former_names import PresentReader
from coppice.components.monitoring.merge import brought, lost, owners, removals, taken_out, with_part
from coppice.components.monitoring.shared import (
    NAMESPACE,
    Part,
    ReplaceShared,
    Shared,
    SharedPart,
    SharedReader,
    SharedWriter,
)
from coppice.components.observed import Observed
from coppice.components.removal import Delete, Owned, Remove
from coppice.components.slots import Slot, Slots
from coppice.components.stages import ApplyObservation, Mark, Observations, PlanInput, Removal, Status, Steps
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record
from coppice.environment.references import SharedName
from coppice.reconciler.observation import Absent, Reading, Unknown, present, read
from coppice.reconciler.plan import Blocked, Change, Item, Wait, unread, wave

MONITORING: Slot[Shared] = Slot("monitoring")
SHARED: Slot[SharedReader] = Slot("shared monitoring")
PART: Slot[Part] = Slot("part in monitoring")

_LACKING = "its part in the monitoring that all share stays as it is, and all else goes on without it"
_CONFIG_MAPS = f"ConfigMap/{NAMESPACE}/"


@dataclass(frozen=True, kw_only=True)
class RemovePart(Delete):
    """A branch's part in the monitoring that all share."""

    owned: Owned[SharedPart]


class SharedMonitoring(Component[Shared]):
    """A branch's part in the monitoring that all share; what stands are the ConfigMaps that it is in."""

    state = MONITORING
    kinds = frozenset({"PodMonitor", "ServiceMonitor"})
    subjects = (SharedPart,)

    def under_former_names(self, readers: Slots, config: EnvironmentConfig) -> Slots:
        """Marks with a former name of the repository are read with the present one."""
        inner = readers.get(SHARED)
        return readers.put(SHARED, PresentReader(inner, config)) if inner else readers

    def observe(self, observed: Observed, readers: Slots) -> Reading[Shared]:
        """Look for its part where its record says it has one. A lost record tells of none, so for what is to
        go without one it is looked for everywhere.
        """
        record, shared = observed.recorded.record, readers.get(SHARED)
        noted = record.monitored if record is not None else ()
        if shared is None or not (noted or (record is None and observed.to_go)):
            return Absent()
        names = tuple(SharedName) if observed.to_go else noted
        return read(lambda: shared.read(names))

    def observe_all(self, readers: Slots) -> Observations[Shared]:
        """Both ConfigMaps, with the parts of all."""
        shared = readers.get(SHARED)
        found: Reading[Shared] = Absent() if shared is None else read(shared.read)

        def of(observed: Observed) -> Reading[Shared]:
            # That it was not read is no matter to an environment that has no part in it, as its record tells.
            record = observed.recorded.record
            without = record is not None and not record.monitored
            return Absent() if without and isinstance(found, Unknown) else found

        parts = owners(present(found) or Shared())
        return Observations(
            of=of, marks=tuple(Mark(each.key, f"monitoring of {each.namespace}") for each in parts)
        )

    def look_for_apply(self, observation: ApplyObservation) -> Reading[Shared]:
        """All of it, if the branch has, or is to have, a part in it."""
        record, shared = observation.observed.recorded.record, observation.readers.components.get(SHARED)
        has_part = observation.brought.get(PART) is not None or (
            record is not None and bool(record.monitored)
        )
        return read(shared.read) if shared is not None and has_part else Absent()

    def why_due_beside(self, observed: Observed) -> str:
        """It is not yet as the overlay says, or somebody has put an older text back."""
        record = observed.recorded.record
        if record is not None and record.part_pending:
            return "its part in the monitoring that all share is not yet as its overlay says"
        return "its part in the monitoring that all share was lost" if lost_parts(observed) else ""

    def ensure(self, plan_input: PlanInput) -> Steps:
        """Bring its part to what its overlay says."""
        return Steps(beside=_part_items(plan_input))

    def noted_beside(self, record: Record, plan_input: PlanInput, beside: tuple[Item, ...]) -> Record:
        """Where the environment has a part, and whether anything is left to be done about it."""
        part = plan_input.brought.get(PART)
        wished = part.names if part is not None else ()
        names = dict.fromkeys((*wished, *(record.monitored if beside else ())))
        return replace(record, monitored=tuple(sorted(names)), part_pending=bool(beside))

    def unread_beside(self, observed: Observed) -> tuple[Wait | Blocked, ...]:
        """What is told of a part that could not be looked at."""
        record, monitoring = observed.recorded.record, observed.of(MONITORING)
        noted = record is not None and bool(record.monitored)
        return (_not_read(monitoring),) if noted and isinstance(monitoring, Unknown) else ()

    def removal(self, observed: Observed, config: EnvironmentConfig) -> Removal:
        """Its part. A text that was spoilt by hand is told of when all the rest is gone: no pod runs on
        because of it.
        """
        shared = present(observed.of(MONITORING))
        found = removals(shared, observed.key, observed.name.slug) if shared else None
        if isinstance(found, Blocked):
            return Removal(stuck={f"monitoring/{observed.record.slug}": found})
        return Removal(subjects=(found,) if found else ())

    def noted_found(self, record: Record) -> Record:
        """That it has a part: else the next look would not look for it."""
        return record if record.monitored else replace(record, monitored=tuple(SharedName))

    def expected(self, record: Record) -> Iterable[str]:
        """Its part, if it has one."""
        return (f"monitoring/{record.slug}",) if record.monitored else ()

    def why_not_ours(self, subject: SharedPart, observed: Observed, config: EnvironmentConfig) -> str:
        """Its mark names another branch."""
        owner = subject.owner
        return "" if owner == observed.key else f"it belongs to branch {owner.branch!r} of {owner.repository}"

    def deletion(self, owned: Owned[SharedPart], observed: Observed) -> Delete:
        """Take it out of what others write to as well."""
        return RemovePart(owned=owned)

    def shows(self, target: str) -> bool:
        """Monitors of the environment's own, and the two ConfigMaps."""
        return target.startswith(_CONFIG_MAPS) or super().shows(target)

    def called(self, target: str) -> str:
        """Its part in one of the two, of which the rest is others'."""
        return f"its part in {target}" if target.startswith(_CONFIG_MAPS) else target

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """Where its part stands, and where it ought to."""
        record, monitoring = observed.own_record, observed.of(MONITORING)
        if record is None or not record.monitored:
            return objects
        if isinstance(monitoring, Unknown):
            return monitoring
        missing = lost_parts(observed)
        there = tuple(_part_in(name) for name in record.monitored if name not in missing)
        lacks = (*objects.lacks, *map(_part_in, missing))
        # Nobody writes down since when a part of a text stands.
        return replace(objects, stands=(*objects.stands, *there), since=None, lacks=lacks)


def lost_parts(observed: Observed) -> tuple[SharedName, ...]:
    """In which ConfigMaps of the monitoring that all share a branch's part does not stand any more.

    Args:
        observed: what was observed.

    Returns:
        Those that its record names and that were read without it.
    """
    record, shared = observed.own_record, present(observed.of(MONITORING))
    return () if record is None or shared is None else lost(shared, observed.key, record.monitored)


def _part_items(plan_input: PlanInput) -> tuple[Item, ...]:
    """The waves, none if the part is as it should be; or why it cannot be done now, and what to do."""
    monitoring = plan_input.states.get(MONITORING)
    if isinstance(monitoring, Unknown):
        return (_not_read(monitoring),)
    shared, wished, observed = present(monitoring), plan_input.brought.get(PART), plan_input.observed
    if shared is None:
        return ()
    if wished is not None:
        changes = with_part(shared, wished)
        return (_lacking(changes),) if isinstance(changes, Blocked) else wave(*changes)
    part = removals(shared, observed.key, observed.name.slug)
    return (_lacking(part),) if isinstance(part, Blocked) else wave(Remove(subject=part) if part else None)


def _not_read(monitoring: Unknown) -> Wait | Blocked:
    error = monitoring.error
    return unread(f"its part in the monitoring that all share was not read: {error}", error)


def _lacking(stop: Blocked) -> Blocked:
    return replace(stop, why=f"{_LACKING}: {stop.why}")


def _part_in(name: str) -> str:
    return f"its part in {_CONFIG_MAPS}{name}"


@dataclass(frozen=True)
class MonitoringHandler:
    """Edits the two ConfigMaps, of which a branch's part is known only as they stand by then.

    Args:
        shared: what edits them.
    """

    shared: SharedWriter
    handles: ClassVar[tuple[type[Change], ...]] = (ReplaceShared, RemovePart)

    def provision(self, change: ReplaceShared | RemovePart) -> None:
        """Bring a part to what it should be, or take it out."""
        if isinstance(change, ReplaceShared):
            self.shared.edit(change.config.name, partial(brought, part=change.part))
        else:
            self.deprovision(change)

    def deprovision(self, change: RemovePart) -> None:
        """Take a part out."""
        part = change.owned.subject
        for each in part.replacements:
            self.shared.edit(each.name, partial(taken_out, key=part.owner))
