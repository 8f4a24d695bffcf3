"""The shared monitoring component: a branch's part in the monitoring configuration of the whole cluster.

Its steps run beside the application, which neither waits for them nor fails with them. What cannot be done
now is reported as a barrier, and each sweep tries it again.
"""

from collections.abc import Iterable, Set
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
from coppice.environment.observed_parts import ObservedPart
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
    """Remove a branch's part from the shared monitoring."""

    touches: ClassVar[Set[str] | None] = frozenset({ObservedPart.MONITORING})
    owned: Owned[SharedPart]


class SharedMonitoring(Component[Shared]):
    """A branch's part in the shared monitoring. Its observed state is the ConfigMaps that hold the parts."""

    state = MONITORING
    kinds = frozenset({"PodMonitor", "ServiceMonitor"})
    subjects = (SharedPart,)
    needs_overlay = True

    def under_former_names(self, readers: Slots, config: EnvironmentConfig) -> Slots:
        """Translate former names of the repository in the marks of parts."""
        inner = readers.get(SHARED)
        return readers.put(SHARED, PresentReader(inner, config)) if inner else readers

    def observe(self, observed: Observed, readers: Slots) -> Reading[Shared]:
        """Read the ConfigMaps that the record names.

        If the record names none, no call is made. If the environment may have to be removed, both are read,
        unless a record says that there is no part. A missing record may have been lost.
        """
        record, shared = observed.recorded.record, readers.get(SHARED)
        noted = record.monitored if record is not None else ()
        if shared is None or not (noted or (record is None and observed.to_go)):
            return Absent()
        names = tuple(SharedName) if observed.to_go else noted
        return read(lambda: shared.read(names))

    def reads_the_same(self, before: Record | None, record: Record | None) -> bool:
        """Return whether both records name the same ConfigMaps."""
        return (before and before.monitored) == (record and record.monitored)

    def observe_all(self, readers: Slots) -> Observations[Shared]:
        """Read both ConfigMaps, with the parts of all branches."""
        shared = readers.get(SHARED)
        found: Reading[Shared] = Absent() if shared is None else read(shared.read)

        def of(observed: Observed) -> Reading[Shared]:
            # A failed read does not concern an environment whose record says that it has no part.
            record = observed.recorded.record
            without = record is not None and not record.monitored
            return Absent() if without and isinstance(found, Unknown) else found

        parts = owners(present(found) or Shared())
        return Observations(
            of=of, marks=tuple(Mark(each.key, f"monitoring of {each.namespace}") for each in parts)
        )

    def look_for_apply(self, observation: ApplyObservation) -> Reading[Shared]:
        """Read both ConfigMaps, if the branch has a part or its overlay holds one."""
        record, shared = observation.observed.recorded.record, observation.readers.components.get(SHARED)
        has_part = observation.brought.get(PART) is not None or (
            record is not None and bool(record.monitored)
        )
        return read(shared.read) if shared is not None and has_part else Absent()

    def why_due_beside(self, observed: Observed) -> str:
        """Return a reason if the part does not yet match the overlay, or if it was lost."""
        record = observed.recorded.record
        if record is not None and record.part_pending:
            return "its part in the monitoring that all share is not yet as its overlay says"
        return "its part in the monitoring that all share was lost" if lost_parts(observed) else ""

    def ensure(self, plan_input: PlanInput) -> Steps:
        """Plan to bring the branch's part to what its overlay says."""
        return Steps(beside=_part_items(plan_input))

    def noted_beside(self, record: Record, plan_input: PlanInput, beside: tuple[Item, ...]) -> Record:
        """Record the ConfigMaps that hold or may hold a part, and whether a change of it is pending."""
        part = plan_input.brought.get(PART)
        wished = part.names if part is not None else ()
        names = dict.fromkeys((*wished, *(record.monitored if beside else ())))
        return replace(record, monitored=tuple(sorted(names)), part_pending=bool(beside))

    def unread_beside(self, observed: Observed) -> tuple[Wait | Blocked, ...]:
        """Return the barrier for a part that the record names and that could not be read."""
        record, monitoring = observed.recorded.record, observed.of(MONITORING)
        noted = record is not None and bool(record.monitored)
        return (_not_read(monitoring),) if noted and isinstance(monitoring, Unknown) else ()

    def removal(self, observed: Observed, config: EnvironmentConfig) -> Removal:
        """Return the branch's part.

        If it cannot be taken out safely, because somebody has edited the text, this is reported after
        everything else is gone: it does not keep any pod running.
        """
        shared = present(observed.of(MONITORING))
        found = removals(shared, observed.key, observed.name.slug) if shared else None
        if isinstance(found, Blocked):
            return Removal(stuck={f"monitoring/{observed.record.slug}": found})
        return Removal(subjects=(found,) if found else ())

    def noted_found(self, record: Record) -> Record:
        """Record that the branch has a part; otherwise the next observation would not look for it."""
        return record if record.monitored else replace(record, monitored=tuple(SharedName))

    def expected(self, record: Record) -> Iterable[str]:
        """Return the branch's part, if the record says that it has one."""
        return (f"monitoring/{record.slug}",) if record.monitored else ()

    def why_not_ours(self, subject: SharedPart, observed: Observed, config: EnvironmentConfig) -> str:
        """Return why a part is not ours: its mark names another branch."""
        owner = subject.owner
        return "" if owner == observed.key else f"it belongs to branch {owner.branch!r} of {owner.repository}"

    def deletion(self, owned: Owned[SharedPart], observed: Observed) -> Delete:
        """Return the removal of a part from the ConfigMaps."""
        return RemovePart(owned=owned)

    def shows(self, target: str) -> bool:
        """Return whether an object is a monitor of the environment or one of the two ConfigMaps."""
        return target.startswith(_CONFIG_MAPS) or super().shows(target)

    def called(self, target: str) -> str:
        """Return the name of the branch's part in a ConfigMap, because the rest of it belongs to others."""
        return f"its part in {target}" if target.startswith(_CONFIG_MAPS) else target

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """Return the status with the ConfigMaps that hold the branch's part, and those that lack it."""
        record, monitoring = observed.own_record, observed.of(MONITORING)
        if record is None or not record.monitored:
            return objects
        if isinstance(monitoring, Unknown):
            return monitoring
        missing = lost_parts(observed)
        there = tuple(_part_in(name) for name in record.monitored if name not in missing)
        lacks = (*objects.lacks, *map(_part_in, missing))
        # The time since when a part exists is not recorded anywhere.
        return replace(objects, stands=(*objects.stands, *there), since=None, lacks=lacks)


def lost_parts(observed: Observed) -> tuple[SharedName, ...]:
    """Return the ConfigMaps of the shared monitoring that no longer hold a branch's part.

    Args:
        observed: the branch.

    Returns:
        The ConfigMaps that its record names and that were read without its part.
    """
    record, shared = observed.own_record, present(observed.of(MONITORING))
    return () if record is None or shared is None else lost(shared, observed.key, record.monitored)


def _part_items(plan_input: PlanInput) -> tuple[Item, ...]:
    """Return the waves that bring the part to its desired state, or the barrier that says why they cannot.

    It returns nothing if the part is in its desired state.
    """
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
    """Edits the two ConfigMaps.

    Each edit is computed from the ConfigMap as it is at that time, because others write to it as well.

    Args:
        shared: edits the ConfigMaps.
    """

    shared: SharedWriter
    handles: ClassVar[tuple[type[Change], ...]] = (ReplaceShared, RemovePart)

    def provision(self, change: ReplaceShared | RemovePart) -> None:
        """Bring a part to its desired state, or remove it.

        Args:
            change: the change to execute.

        Raises:
            Failure: the change could not be made.
        """
        if isinstance(change, ReplaceShared):
            self.shared.edit(change.config.name, partial(brought, part=change.part))
        else:
            self.deprovision(change)

    def deprovision(self, change: RemovePart) -> None:
        """Remove a part.

        Args:
            change: the change to execute.

        Raises:
            Failure: the change could not be made.
        """
        part = change.owned.subject
        for each in part.replacements:
            self.shared.edit(each.name, partial(taken_out, key=part.owner))
