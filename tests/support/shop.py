"""A minimal world for tests of the controller: things that are put in waves, without branches."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from coppice.reconciler.controller import RunResult, run
from coppice.reconciler.errors import Conflict, Failure
from coppice.reconciler.observation import Reading
from coppice.reconciler.plan import Blocked, Change, Plan, Wait, Wave


@dataclass(frozen=True, kw_only=True)
class Put(Change):
    """The change that puts a missing thing."""

    verb: ClassVar[str] = "put"
    name: str
    under: str = ""

    @property
    def target(self) -> str:
        return self.name

    @property
    def lock(self) -> str | None:
        return self.under or None


@dataclass
class Held:
    """A lock that can be lost."""

    lost: Callable[[], bool]
    undisturbed: bool

    def renew(self) -> None:
        if self.lost():
            raise Conflict("the lease was lost")


@dataclass
class Shop:
    """A world with the things to put, by wave, and the things that exist."""

    waves: list[list[Put]] = field(default_factory=list)
    stands: set[str] = field(default_factory=set)
    barrier: Wait | Blocked | None = None
    errors: dict[str, list[Failure]] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    soon_free: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)
    puts: list[str] = field(default_factory=list)
    looks: int = 0
    forgets: bool = False
    lost: bool = False
    broken: Failure | None = None
    disturbed: bool = False

    def look(self) -> frozenset[str]:
        self.looks += 1
        return frozenset(self.stands)

    def plan(self, stands: frozenset[str]) -> Plan:
        missing = [Wave(tuple(each for each in wave if each.name not in stands)) for wave in self.waves]
        barrier = (self.barrier,) if self.barrier else ()
        return Plan((*(each for each in missing if each.changes), *barrier))

    def execute(self, _: frozenset[str], change: Change) -> None:
        self.puts.append(change.target)
        if self.errors.get(change.target):
            raise self.errors[change.target].pop(0)
        if not self.forgets:
            self.stands.add(change.target)

    def state(self, name: str) -> object:
        return name

    @contextlib.contextmanager
    def hold(
        self, name: str, *, patience: float = 0, since: Reading[object] | None = None
    ) -> Iterator[Held | None]:
        if self.broken:
            raise self.broken
        self.taken.append(name)
        held_by_others = name in self.busy or (name in self.soon_free and not patience)
        yield None if held_by_others else Held(lambda: self.lost, not self.disturbed)

    def run(self) -> RunResult[frozenset[str]]:
        return run(name="key", observe=self.look, plan=self.plan, execute=self.execute, locks=self)


def puts(*names: str, under: str = "") -> list[Put]:
    return [Put(name=name, under=under) for name in names]
