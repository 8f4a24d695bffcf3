"""Where the time of a run goes: waited for systems, and the gaps in which no call was under way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devtools.bench.calls import Call
from devtools.bench.instrumented import covered

SHORTEST = 0.02  # seconds; a shorter gap is not worth a line


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A span of time in which no call was under way.

    Attributes:
        begins: its begin.
        ends: its end.
        after: the call that ended last before it; empty at the beginning of a run.
        before: the call that began after it; empty at the end of a run.
    """

    begins: float
    ends: float
    after: str = ""
    before: str = ""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.ends - self.begins


@dataclass(frozen=True, kw_only=True)
class Waited:
    """How long a run waited for one system.

    Attributes:
        system: the system.
        calls: the number of calls.
        seconds: how long at least one of them was under way.
        summed: the seconds of all of them, which may have been under way at once.
    """

    system: str
    calls: int
    seconds: float
    summed: float


def gaps(calls: Iterable[Call], *, begin: float, end: float, shortest: float = SHORTEST) -> list[Gap]:
    """Return the gaps of a run.

    Args:
        calls: its calls.
        begin: when it began.
        end: when it ended.
        shortest: the seconds that a gap must exceed.
    """
    found, until, after = [], begin, ""
    for call in sorted(calls, key=lambda each: (each.began, each.ended)):
        if call.began - until > shortest:
            found.append(Gap(begins=until, ends=call.began, after=after, before=call.what))
        if call.ended > until:
            until, after = call.ended, call.what
    if end - until > shortest:
        found.append(Gap(begins=until, ends=end, after=after))
    return found


def waited(calls: Sequence[Call], systems: Iterable[str]) -> list[Waited]:
    """Return how long a run waited for each system.

    Args:
        calls: its calls.
        systems: the systems, in the order of the result; one that was not called is left out.
    """
    found = []
    for system in systems:
        of = [call for call in calls if call.system == system]
        if of:
            spans = covered((call.began, call.ended) for call in of)
            summed = sum(call.seconds for call in of)
            found.append(Waited(system=system, calls=len(of), seconds=spans, summed=summed))
    return found
