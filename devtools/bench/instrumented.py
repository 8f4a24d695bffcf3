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

# What kubectl does as well: the namespace, the objects; and the note that it was done. Not the record, the
# credentials and their locks, which nobody who types `kubectl apply` has.
_APPLYING = (CreateNamespace, ApplyNamespace, Apply, Annotate)

Span = tuple[float, float]


@dataclass
class Stopwatch:
    """What was noted.

    Args:
        builds: when each build began and ended, from when the files were there.
        applying: when each change of the namespace or of an object began and ended, until all were noted as
            applied. What a later look at the rollout notes is not counted.
    """

    builds: list[Span] = field(default_factory=list)
    applying: list[Span] = field(default_factory=list)
    recorded: bool = False

    @property
    def seconds(self) -> float:
        """For how long it was building or applying."""
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
    """The program's reconciler with a stopwatch.

    Args:
        program: the program.

    Returns:
        One that does the same, and what it notes.
    """
    reconciler = program.reconciler
    watch, build, fetch = Stopwatch(), reconciler.desired, type(program.repository).archive
    fetched = time.perf_counter()

    def archive(commit: str) -> bytes:
        nonlocal fetched
        content = fetch(program.repository, commit)
        fetched = time.perf_counter()
        return content

    # kubectl has its files on disk, too.
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
    """How many seconds lie in at least one of the spans."""
    total = end = 0.0
    for begins, ends in sorted(spans):
        total += max(0.0, ends - max(begins, end))
        end = max(end, ends)
    return total
