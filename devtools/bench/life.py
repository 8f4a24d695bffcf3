"""A branch's life as its queue would have it: a signed delivery names it, and each run records its calls."""

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from app.container import Container
from app.reconciler import Reconciler
from app.webhook.receive import receive
from coppice.environment.key import Key
from coppice.reconciler.outcome import Outcome, Waiting
from devtools.bench.calls import KUBERNETES, Call, recorded
from devtools.bench.far import Far
from devtools.bench.kubectl import CHANGED, MANIFESTS, changed
from devtools.emulators.github.webhooks import events_between, refs, sign

_RUNS, _PAUSE = 80, 0.5  # the most runs until a branch is settled, and the seconds between two


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the reconciler.

    Attributes:
        calls: its calls, in the order in which they began.
        began: when it began, in seconds of `time.perf_counter`.
        ended: when it ended.
        outcome: how it ended.
    """

    calls: tuple[Call, ...]
    began: float
    ended: float
    outcome: Outcome

    @property
    def only_waited(self) -> bool:
        """Whether it found that something takes its time, and wrote nothing."""
        return isinstance(self.outcome, Waiting) and not any(call.writes for call in self.calls)


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch of the outside systems, and the worker that looks after it.

    Attributes:
        there: the outside systems.
        worker: the worker's container.
        name: the branch.
        around: what a run is measured with, apart from its calls.
    """

    there: Far
    worker: Container
    name: str
    around: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext

    @property
    def namespace(self) -> str:
        """The namespace of its environment."""
        return self.worker.config.name(self.name).namespace

    def create(self, reconciler: Reconciler | None = None) -> list[Run]:
        """Push it for the first time; return the runs until its environment is up."""
        return self._pushed({"README.md": self.name.encode()}, reconciler)

    def change(self) -> list[Run]:
        """Push a commit that changes one object; return the runs until it is in force."""
        return self._pushed({f"manifests/{CHANGED}": changed((MANIFESTS / CHANGED).read_bytes())})

    def remove(self) -> list[Run]:
        """Delete it; return the runs until nothing of it is left."""
        before = refs(self.there.repository)
        self.there.repository.delete(self.name)
        return self._until_done(self._accepted(before))

    def _pushed(self, files: Mapping[str, bytes], reconciler: Reconciler | None = None) -> list[Run]:
        before = refs(self.there.repository)
        self.there.repository.commit(self.name, files, self.name)
        return self._until_done(self._accepted(before), reconciler)

    def _accepted(self, before: Mapping[str, str]) -> Key:
        """Return the key that the webhook's delivery puts on the queue."""
        delivery = events_between(self.there.repository, before, refs(self.there.repository))[-1]
        settings, body = self.worker.settings, json.dumps(delivery.payload).encode()
        signature = sign(settings.github_webhook_secret, body)
        received = receive(
            {"X-GitHub-Event": delivery.event, "X-Hub-Signature-256": signature}
            | {"Content-Type": "application/json"},
            body,
            secret=settings.github_webhook_secret,
            repository=settings.github_repository,
            include=settings.branches_include,
            exclude=settings.branches_exclude,
            former=settings.former_repositories,
        )
        if received.key is None:
            raise RuntimeError(f"the delivery was not accepted: {received.body}")
        return received.key

    def _until_done(self, key: Key, reconciler: Reconciler | None = None) -> list[Run]:
        runs: list[Run] = []
        while len(runs) < _RUNS:
            runs.append(self._run(key, reconciler or self.worker.reconciler))
            if not isinstance(runs[-1].outcome, Waiting):
                break
            time.sleep(_PAUSE)
        if runs[-1].outcome.code != "done":
            raise RuntimeError(f"{self.name} does not settle: {runs[-1].outcome.why}")
        return runs

    def _run(self, key: Key, reconciler: Reconciler) -> Run:
        with recorded(self.there.ports) as recorder, self.around():
            began = time.perf_counter()
            outcome = reconciler.reconcile(key).outcome
            ended = time.perf_counter()
        calls = tuple(sorted(recorder.calls, key=lambda call: (call.began, call.ended)))
        return Run(calls=calls, began=began, ended=ended, outcome=outcome)


def counted(runs: Sequence[Run]) -> list[Call]:
    """Return the calls that count: those of every run, but of the runs that only waited those of one.

    How often a run finds that a namespace is still terminating depends on the cluster and not on us.
    """
    waits = [run for run in runs if run.only_waited]
    dearest = max(waits, key=lambda run: len(run.calls), default=None)
    return [call for run in runs if not run.only_waited or run is dearest for call in run.calls]


def until_applied(runs: Sequence[Run], namespace: str) -> list[Run]:
    """Return the runs up to the one in which everything had been applied. Later ones look after the rollout.

    Args:
        runs: the runs of a push.
        namespace: the environment's namespace.

    Raises:
        ValueError: there is none.
    """
    for number in range(1, len(runs)):
        with contextlib.suppress(ValueError):
            applied((call for run in runs[:number] for call in run.calls), namespace)
            return list(runs[:number])
    applied((call for run in runs for call in run.calls), namespace)
    return list(runs)


def applied(calls: Iterable[Call], namespace: str) -> float:
    """Return when everything had been applied: the namespace's annotation was written after all objects.

    Args:
        calls: the calls of a first run.
        namespace: the environment's namespace.

    Returns:
        When the answer to the first write to the namespace was there that began after the last write to an
        object inside the namespace had ended.

    Raises:
        ValueError: there is no such write.
    """
    writes = [call for call in calls if call.system == KUBERNETES and call.writes]
    inside = [call.ended for call in writes if f"/namespaces/{namespace}/" in call.what]
    notes = [call for call in writes if call.what.endswith(f"/api/v1/namespaces/{namespace}")]
    after = [call.ended for call in notes if inside and call.began >= max(inside)]
    if not after:
        raise ValueError(f"nothing was noted on {namespace} after its objects")
    return min(after)
