"""Figure: what it costs to look after one environment that is well: calls to anything outside, no write.

Without the look at its credentials it would cost one call less, and a credential that someone has deleted
would stay away: that it is still found is tried here too.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.container import Container
from coppice.environment.key import Key
from devtools.bench.figure import Figure
from devtools.bench.fleet import settle
from devtools.bench.testbed import Place, place

if TYPE_CHECKING:
    from collections import Counter

_BRANCH = "feature/well"
# The repository, the branch, its record, its namespace, and the credentials of its identity.
_READING = 5
_MOST = 6


def measure() -> Iterator[Figure]:
    """Measure a reconcile of a healthy environment, in a worker that has reconciled it before.

    Raises:
        RuntimeError: a deleted credential was not created again, or a reconcile had something to do.
    """
    with place() as there:
        there.branch_off([_BRANCH])
        program = Container(there.settings)
        settle(program, _BRANCH, pause=time.sleep)
        first = _calls(there, Container(there.settings))
        warm = _calls(there, program)
        _delete_a_credential(there)
        settle(program, _BRANCH, pause=time.sleep)
        if not any(there.arm.credentials.values()):
            raise RuntimeError("a credential that was deleted by hand was not made again")
    yield figure(warm, first=first)


def figure(asked: "Counter[tuple[str, str]]", *, first: "Counter[tuple[str, str]]") -> Figure:
    """Return the figure from the calls of a running worker, and those of a worker that has just started."""
    writes = sum(count for (_, method), count in asked.items() if method not in {"GET", "HEAD"})
    return Figure(
        name="reconcile of a branch with nothing changed",
        # Any write makes the result invalid: there is nothing to change.
        value=float("inf") if writes else sum(asked.values()),
        unit="calls",
        reference=f"the calls that reading alone needs, {_READING}",
        most=_MOST,
        samples={
            "writes": writes,
            **{name: count for (name, _), count in sorted(asked.items())},
            "calls of a fresh worker": sum(first.values()),
        },
    )


def _calls(there: Place, program: Container) -> "Counter[tuple[str, str]]":
    before = there.asked()
    key = Key(repository=program.settings.github_repository, branch=_BRANCH)
    outcome = program.reconciler.reconcile(key).outcome
    if outcome.code != "done":
        raise RuntimeError(f"there was something to do: {outcome.why}")
    return there.asked() - before


def _delete_a_credential(there: Place) -> None:
    for standing in there.arm.credentials.values():
        standing.clear()
