"""Figures: the calls of a first run, of a push that changes one object, and of a removal.

The figure is the number of HTTP requests, leases included. What PostgreSQL is waited for is shown beside: the
opening of a connection, a message with statements, the begin or the end of a transaction.

Runs that only wait for the cluster do not count, because their number depends on the cluster. Of a push,
everything counts until the end of the run that has applied everything, which is one run unless it had to wait
for something. Of a removal, all other runs count until nothing is left. Beside is the number until the branch
was settled, with one of the runs that only waited.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from app.container import Container
from devtools.bench.far import MILLISECONDS, Far, far, prepared_cluster
from devtools.bench.figure import Figure
from devtools.bench.life import Branch, Run, counted, until_applied
from devtools.bench.timing import say
from devtools.cluster.programs import ClusterUnavailableError
from devtools.emulators.postgres.server import PostgresMissingError

LIMITS = {"first run": 75, "push that changes one object": 30, "removal until nothing is left": 40}


def measure() -> Iterator[Figure]:
    """Count the calls of a branch's life, in a worker that has made an environment before."""
    try:
        with prepared_cluster() as kubeconfig, far(kubeconfig) as there:
            for (name, most), runs in zip(LIMITS.items(), _live(there), strict=True):
                yield figure(name, *runs, most=most)
    except (ClusterUnavailableError, PostgresMissingError) as error:
        say(f"counting calls needs a real API server and PostgreSQL: {error}")


def figure(name: str, runs: Sequence[Run], settled: Sequence[Run], *, most: int) -> Figure:
    """Return the figure of one event in a branch's life.

    Args:
        name: the event.
        runs: the runs that count.
        settled: the runs until the branch was settled.
        most: the limit.
    """
    calls = counted(runs)
    kinds, systems = (Counter(getattr(call, by) for call in calls) for by in ("kind", "system"))
    return Figure(
        name=f"calls of a {name}",
        value=kinds["http"],
        unit="HTTP requests",
        reference="counted",
        most=most,
        samples={
            "SQL round trips": kinds["sql"],
            **dict(sorted(systems.items())),
            "writes": sum(call.writes for call in calls),
            "connections opened": sum(call.opened for call in calls),
            "until settled, with one run of those that only wait": sum(
                call.kind == "http" for call in counted(settled)
            ),
            "runs": len(runs),
            "runs that only waited": sum(run.only_waited for run in runs),
            "milliseconds away": MILLISECONDS,
        },
    )


def _live(there: Far) -> Iterator[tuple[list[Run], list[Run]]]:
    """Yield for each event the runs that count, and those until the branch was settled."""
    worker = Container(there.settings)
    Branch(there=there, worker=worker, name="feature/warm").create()
    branch = Branch(there=there, worker=worker, name="feature/counted")
    for runs in (branch.create(), branch.change()):
        yield until_applied(runs, branch.namespace), runs
    removing = branch.remove()
    yield [run for run in removing if not run.only_waited], removing
