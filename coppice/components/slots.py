"""Typed keys for values that belong to one component.

They let shared code pass such values along without naming a component. The slot carries the value's type,
and the mapping is untyped, as with aiohttp's `AppKey` and pytest's `StashKey`.
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
    """A key for a value of type `T`."""

    name: str


@dataclass(frozen=True)
class Slots:
    """An immutable mapping of slots to values."""

    values: Mapping[str, object] = field(default_factory=dict)

    def get(self, slot: Slot[T]) -> T | None:
        """Return the value of a slot; `None` if the slot is empty."""
        return cast("T | None", self.values.get(slot.name))

    def put(self, slot: Slot[T], value: T | None) -> "Slots":
        """Return a copy in which one slot has another value."""
        return Slots({**self.values, slot.name: value})


@dataclass(frozen=True, slots=True)
class States:
    """The readings of the components' state, by slot."""

    readings: Mapping[str, Reading[object]] = field(default_factory=dict)

    def get(self, slot: Slot[T]) -> Reading[T]:
        """Return the reading of one component; `Unknown` if it was not read."""
        return cast("Reading[T]", self.readings.get(slot.name, NOT_LOOKED_AT))
