"""Leases in the in-memory world. A lease that is not renewed expires."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from coppice.reconciler.errors import Conflict, Failure
from coppice.reconciler.observation import Present, Reading
from tests.support.world import Held, World

_LEASE = timedelta(seconds=75)


@dataclass
class Lease:
    """An acquired lease, which may have been lost since."""

    world: World
    name: str
    holder: str
    undisturbed: bool

    def renew(self) -> None:
        with self.world.call(f"renew {self.name}"):
            held = self.world.leases.get(self.name)
            if held is None or held.holder != self.holder:
                raise Conflict(f"lease {self.name} was lost")
            self.world.leases[self.name] = replace(held, until=self.world.now + _LEASE)


@dataclass
class Locks:
    """Acquires leases. A lease that is not released expires."""

    world: World

    def state(self, name: str) -> object:
        with self.world.call(f"read lock {name}"):
            return self.world.last_holders.get(name, "")

    @contextlib.contextmanager
    def hold(
        self, name: str, *, patience: float = 0, since: Reading[object] | None = None
    ) -> Iterator[Lease | None]:
        del patience  # the world's time does not advance during a wait
        with self.world.call(f"take {name}"):
            held, holder = self.world.leases.get(name), self.world.number()
            free = held is None or held.until <= self.world.now
            undisturbed = held is None and since == Present(self.world.last_holders.get(name, ""))
            if free:
                self.world.last_holders[name] = holder
                self.world.leases[name] = Held(holder=holder, until=self.world.now + _LEASE)
        if not free:
            yield None
            return
        try:
            yield Lease(self.world, name, holder, undisturbed)
        finally:
            with contextlib.suppress(Failure), self.world.call(f"give back {name}"):
                held = self.world.leases.get(name)
                if held is not None and held.holder == holder:
                    del self.world.leases[name]

    def clear_away(self) -> tuple[str, ...]:
        with self.world.call("clear leases away"):
            gone = [name for name, held in self.world.leases.items() if held.until <= self.world.now]
            for name in gone:
                del self.world.leases[name]
            return tuple(gone)
