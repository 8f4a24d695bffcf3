"""Typed places for what belongs to one component, so that whoever carries it along names no component.

aiohttp's `AppKey` and pytest's `StashKey` are the same idea: the slot knows the type, the mapping knows none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Reading, Unknown

T = TypeVar("T")

NOT_LOOKED_AT: Unknown = Unknown(Unreachable("not looked at"))


@dataclass(frozen=True)
class Slot(Generic[T]):
    """A place for a value of type `T`."""

    name: str


@dataclass(frozen=True)
class Slots:
    """Values by their slots."""

    values: Mapping[str, object] = field(default_factory=dict)

    def get(self, slot: Slot[T]) -> T | None:
        """The value of a slot; `None` if it is empty."""
        return cast("T | None", self.values.get(slot.name))

    def put(self, slot: Slot[T], value: T | None) -> "Slots":
        """The same values with another one in a slot."""
        return Slots({**self.values, slot.name: value})


@dataclass(frozen=True)
class States:
    """What was read of each component; of one that was not looked at, nothing is known."""

    readings: Mapping[str, Reading[object]] = field(default_factory=dict)

    def get(self, slot: Slot[T]) -> Reading[T]:
        """What was read of one component."""
        return cast("Reading[T]", self.readings.get(slot.name, NOT_LOOKED_AT))
