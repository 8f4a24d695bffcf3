"""What a component tells of itself at each stage: when all is looked at, made, removed and shown."""

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
    """Something that bears our mark, wherever it stands.

    Args:
        owner: the branch that it names.
        what: what it is, for people.
        place: where it stands, if only the branch whose environment has that place would find it there.
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
    """What one look at everything has shown of a component.

    Args:
        of: what stands of it for a branch; the same as a look at this branch alone would show.
        marks: everything that bears our mark.
        place: where a branch's stands.
    """

    of: Callable[[Observed], Reading[S]] = _nothing
    marks: tuple[Mark, ...] = ()
    place: Callable[[Name], str] = _nowhere


@dataclass(frozen=True, kw_only=True)
class ApplyObservation:
    """What a component's look for an overlay that is due is taken with.

    Args:
        observed: what was observed.
        config: what decides about branches.
        readers: what looks.
        records: everything that is written.
        brought: what the overlay brings for the components.
    """

    observed: Observed
    config: EnvironmentConfig
    readers: Readers
    records: Reading[RecordSet]
    brought: Slots


@dataclass(frozen=True, kw_only=True)
class PlanInput:
    """What a component's changes are planned from.

    Args:
        observed: what was observed.
        config: what decides about branches.
        now: the time.
        states: what stands of the components; where the overlay is due, as it was looked at for this.
        objects: objects of the environment that bear a note of what they were made from.
        brought: what the overlay brings for the components.
    """

    observed: Observed
    config: EnvironmentConfig
    now: datetime
    states: States
    objects: tuple[Live, ...] = ()
    brought: Slots = field(default_factory=Slots)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What ensures a component, by the stage of the plan.

    Args:
        held: what others hold that it needs; nothing is made before that is given up.
        make: side by side with those of other components, before anything of the overlay.
        deliver: into the environment, after all of that was made.
        settle: what has to be waited for before the application comes in.
        beside: after the application, which neither waits for it nor falls with it.
        extra: what stands and is needed no more; it goes after what is made.
        remarks: what people should know of it.
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
    """What there is to remove of a component.

    Args:
        subjects: what is to go, side by side with what is to go of other components.
        stuck: what stands and cannot be taken out → why; told when all the rest is gone.
        unreachable: why it cannot be looked at whether anything stands; told after that.
    """

    subjects: tuple[object, ...] = ()
    stuck: Mapping[str, Blocked] = field(default_factory=dict)
    unreachable: tuple[Blocked, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything of it stands."""
        return bool(self.subjects or self.stuck)


@dataclass(frozen=True, kw_only=True)
class Status:
    """What is shown of a component.

    Args:
        stands: what stands.
        since: since when all of that does; `None` if nobody knows.
        lacks: what ought to stand and does not, and what keeps the rest from working.
    """

    stands: tuple[str, ...]
    since: datetime | None
    lacks: tuple[str, ...]
