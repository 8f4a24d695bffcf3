"""What a component of an environment is: observed, ensured, removed, owned and shown by itself.

Decision, drift, ownership, both planners, both executors, API and reports go over `registry.py` and name no
component. A component overrides what it has to say; what it says nothing about is as if it were not there.
It plans and touches nothing: ports and handlers are what its adapters implement.
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
    """A component of an environment; `S` is what stands of it.

    Attributes:
        state: where what stands of it is found; its name is the component's.
        kinds: the kinds of the objects that are shown as its own.
        subjects: what it wishes to remove.
        shows_the_rest: whether objects that no component shows are shown as its own.
    """

    state: Slot[S]
    kinds: ClassVar[Collection[str]] = ()
    subjects: ClassVar[tuple[type[object], ...]] = ()
    shows_the_rest: ClassVar[bool] = False

    # How it is observed

    def under_former_names(self, readers: Slots, config: EnvironmentConfig) -> Slots:
        """The same readers, which tell what bears a former name of the repository as ours."""
        return readers

    def as_recorded(self, name: Name, record: Record) -> Name:
        """A branch's names, with those that it was made under, whatever the settings are by now."""
        return name

    def observe(self, observed: Observed, readers: Slots) -> Reading[S]:
        """Look at one branch, by gets; all else of it was observed."""
        return Absent()

    def observe_all(self, readers: Slots) -> Observations[S]:
        """Look at all branches, by lists."""
        return Observations()

    def look_for_apply(self, observation: ApplyObservation) -> Reading[S]:
        """What an overlay that is due has to know of it: what was observed, unless it takes another look."""
        return observation.observed.of(self.state)

    def needed_to_apply(self, states: States) -> tuple[Reading[object], ...]:
        """What has to have been read by that look before the overlay is applied."""
        return ()

    # What is decided from it

    def owners(self, observed: Observed) -> tuple[Key, ...]:
        """The branch that what stands is of, if that is known."""
        return ()

    def why_due(self, observed: Observed, config: EnvironmentConfig) -> str:
        """Why it makes the overlay due; empty if it does not."""
        return ""

    def why_due_beside(self, observed: Observed) -> str:
        """Why the overlay has to be looked at for it alone, for which no application waits; empty if not."""
        return ""

    # How it is ensured

    def needed(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """What has to have been read before anything is made or mended."""
        return ()

    def needed_to_mend(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """What has to have been read before an environment is mended whose overlay is refused."""
        return ()

    def why_taken(self, observed: Observed) -> str:
        """Why the branch cannot have it, since somebody else has; empty if it can."""
        return ""

    def objects(self, config: EnvironmentConfig) -> tuple[ObjectRef, ...]:
        """The objects that it keeps in the environment; of these the notes that they bear are read."""
        return ()

    def ensure(self, plan_input: PlanInput) -> Steps:
        """What brings it to what it should be, where the overlay is due."""
        return Steps()

    def repair(self, plan_input: PlanInput) -> Steps:
        """What brings it to what it should be, where the overlay stands applied; none of it needs that."""
        return Steps()

    def noted_mended(self, record: Record, plan_input: PlanInput) -> Record:
        """The record, with what it has to say of the component before that is mended."""
        return record

    def noted(self, record: Record, plan_input: PlanInput) -> Record:
        """The record, with what it has to say of the component before that is made."""
        return record

    def noted_beside(self, record: Record, plan_input: PlanInput, beside: tuple[Item, ...]) -> Record:
        """The record, with what it has to say of what stands beside the application."""
        return record

    def unread_beside(self, observed: Observed) -> tuple[Wait | Blocked, ...]:
        """What is told of what stands beside the application and could not be looked at."""
        return ()

    # How it is removed

    def removal(self, observed: Observed, config: EnvironmentConfig) -> Removal:
        """What there is to remove of it."""
        return Removal()

    def noted_found(self, record: Record) -> Record:
        """The record, with what makes the next look find what is still to be removed."""
        return record

    def expected(self, record: Record) -> Iterable[str]:
        """What a receipt has to tell of, as the record names it."""
        return ()

    # Whose it is

    def why_not_ours(self, subject: Any, observed: Observed, config: EnvironmentConfig) -> str:
        """Why one of its subjects is not ours to remove; empty if it is."""
        raise TypeError(f"{self.state.name} removes nothing of its own")

    def why_not_to_write(self, change: Change, observed: Observed, config: EnvironmentConfig) -> str:
        """Why a change is not ours to make, for it would take the place of what is somebody else's."""
        return ""

    def deletion(self, owned: Owned[Any], observed: Observed) -> Delete:
        """What removes one of its subjects, of which there is proof."""
        raise TypeError(f"{self.state.name} removes nothing of its own")

    # How it is shown

    def shows(self, target: str) -> bool:
        """Whether an object, or the target of a change, is shown as its own; those that it keeps are."""
        return target.partition("/")[0] in self.kinds

    def called(self, target: str) -> str:
        """What the target of a change that is still to be made is called where it is missing."""
        return target

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """What is shown of it, beside its objects."""
        return objects
