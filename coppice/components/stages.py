"""The inputs and results of a component's methods, by stage: observe, plan, remove, show."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from coppice.components.application import Live
from coppice.components.observed import Observed, Readers
from coppice.components.slots import Slots, States
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.naming import Name
from coppice.environment.records import RecordSet
from coppice.reconciler.observation import Absent, Reading
from coppice.reconciler.plan import Blocked, Change, Item, Wait

S = TypeVar("S")


@dataclass(frozen=True)
class Mark:
    """A resource that bears our mark, wherever it was found.

    Args:
        owner: the branch that the mark names.
        what: a description of the resource, for people.
        place: the resource's name, if it is only found by the branch whose environment uses that name. If no
            observed branch does, the resource is an orphan.
    """

    owner: Key
    what: str
    place: str = ""


def _nowhere(_: Name) -> str:
    return ""


def _nothing(_: Observed) -> Reading[Any]:
    return Absent()


@dataclass(frozen=True, kw_only=True)
class Observations(Generic[S]):
    """One component of all branches, as observed in one pass.

    Args:
        of: returns the reading for one branch; it equals what `Component.observe` returns for that branch.
        marks: every resource that bears our mark.
        place: returns the place of a branch's resource, to be compared with `Mark.place`.
    """

    of: Callable[[Observed], Reading[S]] = _nothing
    marks: tuple[Mark, ...] = ()
    place: Callable[[Name], str] = _nowhere


@dataclass(frozen=True, kw_only=True)
class ApplyObservation:
    """The input of `Component.look_for_apply`.

    Args:
        observed: the branch.
        config: the configuration of all branch environments.
        readers: the read ports.
        records: all records and requests; `Absent` if no component needs them.
        brought: the values that the overlay holds for components.
    """

    observed: Observed
    config: EnvironmentConfig
    readers: Readers
    records: Reading[RecordSet]
    brought: Slots


@dataclass(frozen=True, kw_only=True)
class PlanInput:
    """The input that a component plans its changes from.

    Args:
        observed: the branch.
        config: the configuration of all branch environments.
        now: the current time.
        states: the components' state. If the overlay is due, these are the readings of
            `Component.look_for_apply`; otherwise they are those of `observed`.
        objects: the objects in the namespace that carry an annotation of what they were made from. Empty
            unless the overlay is due.
        brought: the values that the overlay holds for components.
    """

    observed: Observed
    config: EnvironmentConfig
    now: datetime
    states: States
    objects: tuple[Live, ...] = ()
    brought: Slots = field(default_factory=Slots)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The changes that ensure one component, by the stage of the plan in which they run.

    Args:
        held: waits for what other environments hold and this component needs. While there is one, nothing is
            provisioned.
        make: changes that run first, in one wave with those of other components, before the overlay is
            applied.
        deliver: changes inside the namespace; they run after every `make` change.
        settle: waits that must end before the overlay is applied.
        beside: items that run after the application. The application neither waits for them nor fails with
            them.
        extra: subjects that exist and are no longer needed. A repair removes them after its `make` changes.
        remarks: messages for people.
    """

    held: tuple[Wait, ...] = ()
    make: tuple[Change, ...] = ()
    deliver: tuple[Change, ...] = ()
    settle: tuple[Wait, ...] = ()
    beside: tuple[Item, ...] = ()
    extra: tuple[object, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What there is to remove of one component.

    Args:
        subjects: the resources to remove, in one wave with those of other components.
        stuck: the resources that exist and cannot be removed → the reason. It is reported after everything
            else is gone.
        unreachable: why it cannot be determined whether the component exists. It is reported after `stuck`.
    """

    subjects: tuple[object, ...] = ()
    stuck: Mapping[str, Blocked] = field(default_factory=dict)
    unreachable: tuple[Blocked, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything of the component exists."""
        return bool(self.subjects or self.stuck)


@dataclass(frozen=True, kw_only=True)
class Status:
    """The status of a component, as the API shows it.

    Args:
        stands: the resources that exist.
        since: the time since when all of them exist; `None` if it is not known.
        lacks: the resources that are missing, and the problems that keep the others from working.
    """

    stands: tuple[str, ...]
    since: datetime | None
    lacks: tuple[str, ...]
