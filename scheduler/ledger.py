"""The ledger of an environment: the hours that it verifiably slept, and how long each wake took.

Only what was observed is counted: a sleep period lasts from the run that first finds everything down to the
last run that finds it so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Protocol, Self, TypeAlias

from coppice.reconciler.observation import Reading
from coppice.reconciler.plan import Change
from scheduler.schedule import Price

Direction: TypeAlias = Literal["down", "up"]

VERIFY_INTERVAL = timedelta(hours=1)
_MAX_ENTRIES = 400  # of sleep periods and of wakes: more than a year of each


@dataclass(frozen=True)
class Transition:
    """The transition that is under way, and when it began."""

    direction: Direction
    began: datetime


@dataclass(frozen=True)
class SleepPeriod:
    """A time of verified sleep. `nodes`: pool → how many nodes would have run."""

    since: datetime
    until: datetime
    nodes: Mapping[str, int]


@dataclass(frozen=True)
class Wake:
    """A completed wake."""

    began: datetime
    took: timedelta


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The ledger of one environment.

    Args:
        environment: its name.
        transition: the transition that is under way; `None` if there is none.
        asleep: the current sleep period, whose `until` is when it was last verified; `None` while awake.
        sleep_periods: the former sleep periods, the latest last.
        wakes: the wakes, the latest last.
        pools: pool → its snapshot, as the pool's tag has it; empty while awake.
        version: the resource version that was read; empty if it has not been written yet.
    """

    environment: str
    transition: Transition | None = None
    asleep: SleepPeriod | None = None
    sleep_periods: tuple[SleepPeriod, ...] = ()
    wakes: tuple[Wake, ...] = ()
    pools: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def begin(self, direction: Direction, now: datetime) -> Self:
        """Begin a transition. The current sleep period ends when it was last verified."""
        sleep_periods = (
            (*self.sleep_periods, self.asleep)[-_MAX_ENTRIES:] if self.asleep else self.sleep_periods
        )
        return replace(self, transition=Transition(direction, now), asleep=None, sleep_periods=sleep_periods)

    def mark_asleep(self, now: datetime, nodes: Mapping[str, int]) -> Self:
        """Record that everything is down: a sleep period begins."""
        return replace(self, transition=None, asleep=SleepPeriod(now, now, nodes))

    def verify(self, now: datetime) -> Self:
        """Record that everything is still down."""
        return self if self.asleep is None else replace(self, asleep=replace(self.asleep, until=now))

    def mark_awake(self, now: datetime) -> Self:
        """Record that everything is up: the wake is complete."""
        completed = (
            () if self.transition is None else (Wake(self.transition.began, now - self.transition.began),)
        )
        return replace(self, transition=None, wakes=(*self.wakes, *completed)[-_MAX_ENTRIES:], pools={})

    def node_hours(self) -> dict[str, float]:
        """Pool → its verified hours asleep, times the nodes that would have run."""
        hours: dict[str, float] = {}
        for period in (*self.sleep_periods, *((self.asleep,) if self.asleep else ())):
            length = (period.until - period.since) / timedelta(hours=1)
            for pool, nodes in period.nodes.items():
                hours[pool] = hours.get(pool, 0) + length * nodes
        return hours

    def saved(self, price: Price | None) -> float | None:
        """What these node hours would have cost; `None` if the price of a pool is not known."""
        hours = self.node_hours()
        if price is None or not hours.keys() <= price.pools.keys():
            return None
        return sum(price.pools[pool] * each for pool, each in hours.items())


@dataclass(frozen=True, kw_only=True)
class WriteLedger(Change):
    """Write the ledger, unless it has changed since it was read."""

    verb: ClassVar[str] = "note"
    ledger: Ledger
    what: str

    @property
    def target(self) -> str:
        """The ledger, and what is recorded in it."""
        return f"ledger/{self.ledger.environment} ({self.what})"


class LedgerReader(Protocol):
    """Reads ledgers."""

    def ledger(self, environment: str) -> Ledger:
        """Read the environment's ledger; an empty one if none has been written yet."""

    def ledgers(self) -> tuple[Reading[Ledger], ...]:
        """Read the ledgers of all environments with one list; one that cannot be parsed is `Unknown`."""


class LedgerWriter(Protocol):
    """Writes ledgers."""

    def write(self, ledger: Ledger) -> None:
        """Write a ledger.

        Raises:
            Conflict: the ledger has changed since it was read.
        """
