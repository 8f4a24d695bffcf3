"""The protocol that every component of an environment implements.

A component is one thing that an environment has, such as its federated credentials or its database. It
implements how it is observed, ensured, removed, checked for ownership and shown.

Decision, drift, ownership, both planners, both executors, the API and the reports iterate over `registry.py`
and name no component. Every method has a default that contributes nothing, so a component overrides only the
methods that concern it.

A component only plans. It reads through the ports that are passed to it and changes nothing. Adapters
implement the ports, and handlers (`handlers.py`) execute the changes.
"""

from collections.abc import Collection, Iterable
from typing import Any, ClassVar, Protocol, TypeVar

from coppice.components.observed import Observed
from coppice.components.removal import Delete, Owned
from coppice.components.slots import Slot, Slots, States
from coppice.components.stages import ApplyObservation, Observations, PlanInput, Removal, Status, Steps
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import Record
from coppice.environment.references import ObjectRef
from coppice.reconciler.observation import Absent, Reading, Unknown
from coppice.reconciler.plan import Blocked, Change, Item, Wait

S = TypeVar("S")


class Component(Protocol[S]):
    """A component of an environment; `S` is the type of its observed state.

    Arguments that have the same name in several methods mean the same in each of them:

    * `observed`: one branch and everything that was observed of it.
    * `config`: the configuration of all branch environments.
    * `record`: the record of the branch's environment.
    * `plan_input`: the values that changes are planned from.

    Attributes:
        state: the slot of the observed state. The slot's name is also the component's name.
        kinds: the object kinds that are shown under this component.
        subjects: the types that this component asks to remove and whose ownership it checks.
        shows_the_rest: whether objects that no component claims are shown under this one.
        needs_overlay: whether `look_for_apply` depends on what the overlay holds for the component.
    """

    state: Slot[S]
    kinds: ClassVar[Collection[str]] = ()
    subjects: ClassVar[tuple[type[object], ...]] = ()
    shows_the_rest: ClassVar[bool] = False
    needs_overlay: ClassVar[bool] = False

    # How it is observed

    def under_former_names(self, readers: Slots, config: EnvironmentConfig) -> Slots:
        """Return the readers, changed to translate former names of the repository to its present name.

        Marks that were written before the repository was renamed or moved then count as ours.

        Args:
            readers: the readers of all components.
            config: the configuration, which knows the former names.

        Returns:
            The readers; this component's own may be wrapped.
        """
        return readers

    def as_recorded(self, name: Name, record: Record) -> Name:
        """Return a branch's names, with this component's name replaced by the recorded one.

        A setting such as a prefix may have changed since the component was created.

        Args:
            name: the names by the present settings.
            record: the branch's own record.
        """
        return name

    def observe(self, observed: Observed, readers: Slots) -> Reading[S]:
        """Read this component of one branch, by get calls.

        Args:
            observed: the branch, observed except for its components.
            readers: the readers of all components.

        Returns:
            `Unknown` if the read failed, and `Absent` only if it succeeded and found nothing.
        """
        return Absent()

    def reads_the_same(self, before: Record | None, record: Record | None) -> bool:
        """Return whether `observe` reads the same things with two records of the branch.

        Args:
            before: the record at an earlier observation.
            record: the record now.
        """
        return True

    def observe_all(self, readers: Slots) -> Observations[S]:
        """Read this component of all branches, by list calls.

        Args:
            readers: the readers of all components.

        Returns:
            The observations. For each branch they hold the same reading that `observe` would return.
        """
        return Observations()

    def look_for_apply(self, observation: ApplyObservation) -> Reading[S]:
        """Return the state that applying a due overlay depends on.

        The default returns the observed state. A component overrides this if it has to read more.
        """
        return observation.observed.of(self.state)

    def needs_records(self, observed: Observed, config: EnvironmentConfig) -> bool:
        """Return whether `look_for_apply` depends on the records of all environments."""
        return False

    def needed_to_apply(self, states: States) -> tuple[Reading[object], ...]:
        """Return the readings of `look_for_apply` that must be known before the overlay is applied.

        Args:
            states: the readings of all components, as `look_for_apply` returned them.
        """
        return ()

    # What is decided from it

    def owners(self, observed: Observed) -> tuple[Key, ...]:
        """Return the branch that owns the observed state; empty if that is not known."""
        return ()

    def why_due(self, observed: Observed, config: EnvironmentConfig) -> str:
        """Return why this component requires the overlay to be applied; empty if it does not."""
        return ""

    def why_due_beside(self, observed: Observed) -> str:
        """Return why the overlay has to be built for this component alone; empty if it does not have to.

        The application does not wait for such a component.
        """
        return ""

    # How it is ensured

    def needed(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """Return the readings that must be known before anything is provisioned or repaired.

        If one of them is unknown, the plan holds only the barrier that says so.
        """
        return ()

    def needed_to_mend(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """Return the readings that must be known before an environment with a refused overlay is repaired."""
        return ()

    def why_taken(self, observed: Observed) -> str:
        """Return why the branch cannot have this component, because another owner has it; empty if it can."""
        return ""

    def objects(self, config: EnvironmentConfig) -> tuple[ObjectRef, ...]:
        """Return the objects that this component keeps in the environment's namespace.

        They are part of the inventory. The annotations that say what they were made from are read before an
        overlay is applied.
        """
        return ()

    def ensure(self, plan_input: PlanInput) -> Steps:
        """Plan the changes that bring this component to its desired state when the overlay is due."""
        return Steps()

    def repair(self, plan_input: PlanInput) -> Steps:
        """Plan the changes that repair this component while the overlay is applied and not due.

        The changes must not depend on the overlay, because it is not built for a repair.
        """
        return Steps()

    def noted_mended(self, record: Record, plan_input: PlanInput) -> Record:
        """Return the record as it must be written before this component is repaired."""
        return record

    def noted(self, record: Record, plan_input: PlanInput) -> Record:
        """Return the record as it must be written before this component is provisioned."""
        return record

    def noted_beside(self, record: Record, plan_input: PlanInput, beside: tuple[Item, ...]) -> Record:
        """Return the record as it must be written before the `beside` steps of this component.

        Args:
            record: the record.
            plan_input: the values that changes are planned from.
            beside: the `beside` items that this component has planned.
        """
        return record

    def unread_beside(self, observed: Observed) -> tuple[Wait | Blocked, ...]:
        """Return the barriers for state beside the application that could not be read."""
        return ()

    # How it is removed

    def removal(self, observed: Observed, config: EnvironmentConfig) -> Removal:
        """Return what there is to remove of this component when the environment is torn down."""
        return Removal()

    def noted_found(self, record: Record) -> Record:
        """Return the record as it must be written while a removal is under way.

        It must name whatever the next observation needs in order to find what is still to be removed.
        """
        return record

    def expected(self, record: Record) -> Iterable[str]:
        """Return the resources named by the record that the removal's receipt has to list."""
        return ()

    # Whose it is

    def why_not_ours(self, subject: Any, observed: Observed, config: EnvironmentConfig) -> str:
        """Return why one of this component's subjects is not ours to remove; empty if it is ours.

        Args:
            subject: an instance of one of `subjects`.
            observed: the branch.
            config: the configuration.

        Raises:
            TypeError: the component has no subjects.
        """
        raise TypeError(f"{self.state.name} removes nothing of its own")

    def why_not_to_write(self, change: Change, observed: Observed, config: EnvironmentConfig) -> str:
        """Return why a change must not be made, because it would overwrite what another owner has.

        Args:
            change: any change that is not a removal.
            observed: the branch.
            config: the configuration.

        Returns:
            The reason; empty if the change may be made.
        """
        return ""

    def deletion(self, owned: Owned[Any], observed: Observed) -> Delete:
        """Return the change that removes one of this component's subjects.

        Args:
            owned: the subject, with the proof that it is ours.
            observed: the branch.

        Raises:
            TypeError: the component has no subjects.
        """
        raise TypeError(f"{self.state.name} removes nothing of its own")

    # How it is shown

    def shows(self, target: str) -> bool:
        """Return whether an object is shown under this component.

        The default decides by the object's kind. Objects that a component keeps are shown under it anyway.

        Args:
            target: the object, or the target of a change, as `kind/name`.
        """
        return target.partition("/")[0] in self.kinds

    def called(self, target: str) -> str:
        """Return the name under which a missing object is shown.

        Args:
            target: the target of a change that is still to be made.
        """
        return target

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """Return the status that the API shows of this component.

        Args:
            objects: the status of the objects that are shown under this component.
            observed: the branch.

        Returns:
            The status, with whatever this component adds; `Unknown` if its state could not be read.
        """
        return objects
