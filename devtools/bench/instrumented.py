"""A reconciler that measures how long its builds and its applies take."""

import dataclasses
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.container import Container
from app.reconciler import Reconciler
from coppice.components.application import Apply
from coppice.components.namespace import Annotate, ApplyNamespace, CreateNamespace
from coppice.components.observed import Observed
from coppice.manifests.rejection import Rejection
from coppice.reconciler.plan import Change
from provisioning.executor import Executor
from provisioning.renderer import Desired

# The changes that kubectl makes as well: the namespace, the objects, and the note that they were applied. The
# record, the credentials and their locks are left out, because `kubectl apply` has no such thing.
_APPLYING = (CreateNamespace, ApplyNamespace, Apply, Annotate)

Span = tuple[float, float]


@dataclass
class Stopwatch:
    """The recorded times.

    Args:
        builds: start and end of each build, measured from when the files were available.
        applying: start and end of each change of the namespace or of an object, up to the note that all were
            applied. Later notes, about the rollout, are not counted.
    """

    builds: list[Span] = field(default_factory=list)
    applying: list[Span] = field(default_factory=list)
    recorded: bool = False

    @property
    def seconds(self) -> float:
        """The seconds during which it was building or applying."""
        return covered([*self.builds, *self.applying])


@dataclass(frozen=True, kw_only=True)
class _Watched(Executor):
    watch: Stopwatch

    def execute(self, change: Change) -> None:
        began = time.perf_counter()
        super().execute(change)
        if isinstance(change, _APPLYING) and not self.watch.recorded:
            self.watch.applying.append((began, time.perf_counter()))
            self.watch.recorded = isinstance(change, Annotate)


def watched(program: Container) -> tuple[Reconciler, Stopwatch]:
    """Return a reconciler that records how long its builds and its applies take.

    Args:
        program: the program's container.

    Returns:
        The program's reconciler with these measurements, and the stopwatch that records them.
    """
    reconciler = program.reconciler
    watch, build, fetch = Stopwatch(), reconciler.desired, type(program.repository).archive
    fetched = time.perf_counter()

    def archive(commit: str) -> bytes:
        nonlocal fetched
        content = fetch(program.repository, commit)
        fetched = time.perf_counter()
        return content

    # kubectl reads its files from disk, so the download is not counted.
    program.repository.archive = archive  # type: ignore[method-assign]

    def wish(commit: str, observed: Observed) -> Desired | Rejection:
        try:
            return build(commit, observed)
        finally:
            watch.builds.append((fetched, time.perf_counter()))

    parts = {each.name: getattr(reconciler.provisioning, each.name) for each in dataclasses.fields(Executor)}
    steps = _Watched(**parts, watch=watch)
    return dataclasses.replace(reconciler, desired=wish, provisioning=steps), watch


def covered(spans: Iterable[Span]) -> float:
    """Return the seconds that lie in at least one of the spans."""
    total = end = 0.0
    for begins, ends in sorted(spans):
        total += max(0.0, ends - max(begins, end))
        end = max(end, ends)
    return total
