"""Figure: from an accepted delivery to an environment that is fully applied, beside the critical path.

The branch is new, with a credential, a database and monitoring, and every system is 30 ms away. The worker
has made an environment before. The queue between the webhook and the worker is the host's and is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.container import Container
from devtools.bench.calls import Call
from devtools.bench.far import MILLISECONDS, Far, far, prepared_cluster
from devtools.bench.figure import Figure
from devtools.bench.instrumented import watched
from devtools.bench.life import Branch, applied
from devtools.bench.path import FIRST_RUN, critical_path
from devtools.bench.timing import percentile, say
from devtools.cluster.programs import ClusterUnavailableError
from devtools.emulators.postgres.server import PostgresMissingError

_ROUNDS = 5
_MOST = 1.8
_TRIP = MILLISECONDS / 1000  # seconds


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The measurements of one first run.

    Attributes:
        seconds: from the accepted delivery until everything was applied.
        build: how long the build took, from when its files were there.
        slowest_write: how long the slowest write took, beyond its round trip.
    """

    seconds: float
    build: float
    slowest_write: float


def measure() -> Iterator[Figure]:
    """Measure first runs, one after the other."""
    try:
        with prepared_cluster() as kubeconfig, far(kubeconfig) as there:
            yield figure(_take(there))
    except (ClusterUnavailableError, PostgresMissingError) as error:
        say(f"a first run needs a real API server and PostgreSQL: {error}")


def figure(rounds: Sequence[Taken]) -> Figure:
    """Return the figure from the measurements of several first runs."""
    paths = [critical_path(FIRST_RUN, trip=_TRIP, seconds={"build": each.build}) for each in rounds]
    references = [path.seconds + each.slowest_write for path, each in zip(paths, rounds, strict=True)]
    ratios = [each.seconds / least for each, least in zip(rounds, references, strict=True)]
    path = paths[ratios.index(percentile(ratios, 0.5))]
    least, build, write = (
        percentile(values, 0.5)
        for values in (references, [each.build for each in rounds], [each.slowest_write for each in rounds])
    )
    return Figure(
        name=f"delivery accepted until all is applied, {MILLISECONDS} ms away",
        value=percentile(ratios, 0.5),
        unit="times the reference",
        reference=f"the critical path: {path.trips} round trips of {MILLISECONDS} ms, {build:.3f} s of "
        f"build and {write:.3f} s of the slowest write, {least:.2f} s",
        most=_MOST,
        samples={
            "seconds": [round(each.seconds, 3) for each in rounds],
            "path": " → ".join(
                name + (f" ({trips})" if (trips := FIRST_RUN[name].trips) > 1 else "") for name in path.names
            ),
        },
    )


def taken(calls: Sequence[Call], *, began: float, namespace: str, build: float) -> Taken:
    """Return the measurements of a first run.

    Args:
        calls: its calls.
        began: when it began.
        namespace: the environment's namespace.
        build: how long the build took.
    """
    end = applied(calls, namespace)
    writes = [call.seconds for call in calls if call.writes and not call.opened and call.ended <= end]
    return Taken(seconds=end - began, build=build, slowest_write=max(0.0, max(writes) - _TRIP))


def _take(there: Far) -> list[Taken]:
    worker = Container(there.settings)
    Branch(there=there, worker=worker, name="feature/warm").create()
    rounds = []
    for number in range(_ROUNDS):
        branch = Branch(there=there, worker=worker, name=f"feature/running-{number}")
        reconciler, watch = watched(worker)
        runs = branch.create(reconciler)
        calls = [call for run in runs for call in run.calls]
        build = sum(end - begin for begin, end in watch.builds)
        rounds.append(taken(calls, began=runs[0].began, namespace=branch.namespace, build=build))
        say(f"running: {rounds[-1].seconds:.2f} s, round {number + 1} of {_ROUNDS}")
        branch.remove()
    return rounds
