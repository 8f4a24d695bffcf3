"""What is written down about an environment's nights: the verified hours, and how long each wake took.

Nothing is claimed that was not looked at: a night counts from the pass that found everything down to the
last one that found it so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Protocol, Self, TypeAlias

from coppice.reconciler.observation import Reading
from coppice.reconciler.plan import Change
from scheduler.schedule import Price

Direction: TypeAlias = Literal["down", "up"]

VERIFIED_EVERY = timedelta(hours=1)
_KEPT = 400  # nights and wakes: more than a year's


@dataclass(frozen=True)
class Transition:
    """What is under way, and since when."""

    direction: Direction
    began: datetime


@dataclass(frozen=True)
class SleepPeriod:
    """Verified sleep. `nodes`: pool → the nodes that would have run."""

    since: datetime
    until: datetime
    nodes: Mapping[str, int]


@dataclass(frozen=True)
class Wake:
    """A wake that was brought to its end."""

    began: datetime
    took: timedelta


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One environment's.

    Args:
        environment: its name.
        move: what is under way; `None` if it is as it should be.
        asleep: the present night; `until` is when it was last verified.
        nights: the nights before, the latest last.
        wakes: the wakes, the latest last.
        pools: pool → what it was before it was put to sleep, as its tag has it; empty while awake.
        version: the resource version that was read; empty if it is not yet written.
    """

    environment: str
    move: Transition | None = None
    asleep: SleepPeriod | None = None
    nights: tuple[SleepPeriod, ...] = ()
    wakes: tuple[Wake, ...] = ()
    pools: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def begin(self, direction: Direction, now: datetime) -> Self:
        """Something begins to move; the present night ends when it was last verified."""
        nights = (*self.nights, self.asleep)[-_KEPT:] if self.asleep else self.nights
        return replace(self, move=Transition(direction, now), asleep=None, nights=nights)

    def mark_asleep(self, now: datetime, nodes: Mapping[str, int]) -> Self:
        """Everything was found down."""
        return replace(self, move=None, asleep=SleepPeriod(now, now, nodes))

    def verify(self, now: datetime) -> Self:
        """Everything was found down once more."""
        return self if self.asleep is None else replace(self, asleep=replace(self.asleep, until=now))

    def mark_awake(self, now: datetime) -> Self:
        """Everything was found up."""
        took = () if self.move is None else (Wake(self.move.began, now - self.move.began),)
        return replace(self, move=None, wakes=(*self.wakes, *took)[-_KEPT:], pools={})

    def node_hours(self) -> dict[str, float]:
        """Pool → verified hours asleep, times the nodes that would have run."""
        hours: dict[str, float] = {}
        for night in (*self.nights, *((self.asleep,) if self.asleep else ())):
            length = (night.until - night.since) / timedelta(hours=1)
            for pool, nodes in night.nodes.items():
                hours[pool] = hours.get(pool, 0) + length * nodes
        return hours

    def saved(self, price: Price | None) -> float | None:
        """What that was worth; `None` if a pool's price is not known: no price, no claim."""
        hours = self.node_hours()
        if price is None or not hours.keys() <= price.pools.keys():
            return None
        return sum(price.pools[pool] * each for pool, each in hours.items())


@dataclass(frozen=True, kw_only=True)
class Note(Change):
    """Write the ledger, if it is still as it was read."""

    verb: ClassVar[str] = "note"
    ledger: Ledger
    what: str

    @property
    def target(self) -> str:
        """The ledger, and what is noted."""
        return f"ledger/{self.ledger.environment} ({self.what})"


class LedgerReader(Protocol):
    """Reads ledgers."""

    def ledger(self, environment: str) -> Ledger:
        """The environment's ledger; an empty one if nothing is written yet."""

    def ledgers(self) -> tuple[Reading[Ledger], ...]:
        """Every ledger that is written, of whichever environment; one list."""


class LedgerWriter(Protocol):
    """Writes ledgers."""

    def write(self, ledger: Ledger) -> None:
        """Write a ledger.

        Raises:
            Conflict: it is no longer the one that was read.
        """
