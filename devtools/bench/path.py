"""The critical path of a first run: the longest chain of calls that really depend on each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a run.

    Attributes:
        after: the steps whose results it needs.
        trips: its round trips, one after the other.
    """

    after: tuple[str, ...] = ()
    trips: int = 1


@dataclass(frozen=True, kw_only=True)
class CriticalPath:
    """The longest path through the steps.

    Attributes:
        names: its steps, in order.
        trips: the sum of their round trips.
        seconds: how long they take, one after the other.
    """

    names: tuple[str, ...]
    trips: int
    seconds: float


_UNDER_THE_LEASE = ("records", "namespace read", "credentials read", "database read", "template read")
FIRST_RUN: Mapping[str, Step] = {
    "branch head": Step(),
    "repository": Step(),  # tells a branch that is not there from a repository that cannot be read
    "archive redirect": Step(after=("branch head",)),
    "archive": Step(after=("archive redirect",)),
    "build": Step(after=("archive",), trips=0),
    # What a run decides by, it reads while it holds the branch's lease.
    "lease of the branch": Step(),
    **{name: Step(after=("lease of the branch",)) for name in _UNDER_THE_LEASE},
    # An overlay that is refused leaves nothing behind, so nothing is written before the build.
    "record": Step(after=("build", "repository", *_UNDER_THE_LEASE)),
    # The record names the place before anything is made there.
    "namespace": Step(after=("record",)),
    "lease of the identity": Step(after=("record",)),
    "credential": Step(after=("lease of the identity",)),
    "role": Step(after=("record",)),
    # CREATE DATABASE runs in no transaction, and nobody may connect before the database is closed to others.
    "database": Step(after=("role",)),
    "database opened": Step(after=("database",)),
    # A database that did not exist has no open session: TCP, TLS asked for, start, and two of SCRAM.
    "session in the database": Step(after=("database opened",), trips=5),
    "owner of the contents": Step(after=("session in the database",)),
    # A role may sign in once everything in its database is its own.
    "login": Step(after=("owner of the contents",)),
    "secret": Step(after=("login", "namespace")),
    "fence": Step(after=("namespace",)),
    "what pods need": Step(after=("namespace",)),
    "workloads": Step(after=("fence", "what pods need", "secret", "credential")),
    "annotation": Step(after=("workloads",)),
}


def critical_path(
    steps: Mapping[str, Step], *, trip: float, seconds: Mapping[str, float] | None = None
) -> CriticalPath:
    """Compute the path that takes longest.

    Args:
        steps: the steps by name.
        trip: how long a round trip takes.
        seconds: what steps take beside their round trips, by name.

    Returns:
        The path. Of two that take as long, the one whose last steps are declared first.

    Raises:
        graphlib.CycleError: steps depend on each other.
        KeyError: a step depends on one that is not declared, or there are seconds of such a one.
    """
    more = dict(seconds or {})
    own = {name: step.trips * trip + more.pop(name, 0.0) for name, step in steps.items()}
    if more:
        raise KeyError(next(iter(more)))
    until: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for name in TopologicalSorter({name: step.after for name, step in steps.items()}).static_order():
        before[name] = max(steps[name].after, key=until.__getitem__, default=None)
        until[name] = own[name] + until.get(before[name] or "", 0.0)
    at: str | None = max(steps, key=until.__getitem__)
    total, names = until[at or ""], list[str]()
    while at is not None:
        names.append(at)
        at = before[at]
    return CriticalPath(
        names=tuple(reversed(names)), trips=sum(steps[name].trips for name in names), seconds=total
    )
