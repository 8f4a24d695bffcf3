"""Figures: the example's overlays applied to a real API server, over TLS, beside what kubectl takes for them.

Ours is the time that the program spends building and applying within a whole reconcile, which it could not
do in less. What surrounds it (two looks, the fetch of the files, locks, the record, the credential) no
`kubectl apply` does; how long the whole took is said beside. Where nothing has changed, the whole is what is
measured.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.container import Container
from coppice.environment.key import Key
from devtools.bench.calls import KUBERNETES
from devtools.bench.far import MILLISECONDS, Far, far, prepared_cluster
from devtools.bench.figure import Figure
from devtools.bench.fleet import settle
from devtools.bench.instrumented import watched
from devtools.bench.kubectl import CHANGED, MANIFESTS, Kubectl, change_one_object, changed, write_manifests
from devtools.bench.timing import percentile, say, seconds
from devtools.cluster.programs import ClusterUnavailableError, find_programs

ROUNDS = 5
# Step, milliseconds of delay → the limit.
LIMITS = {
    ("first", MILLISECONDS): 0.25,
    ("first", 0): 0.6,
    ("unchanged", MILLISECONDS): 0.15,
    ("one object changed", MILLISECONDS): 0.18,
}
_TOLD = {
    "first": "example applied for the first time",
    "unchanged": "example once more, nothing changed",
    "one object changed": "example once more, one object changed",
}


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The measured seconds of each round, by step.

    Args:
        ours: building and applying; for the unchanged step, the whole reconcile.
        whole: the whole reconcile.
        fresh: building and applying for the first time, in a worker without open connections.
        kubectl: `kubectl apply -k`.
        server_side: `kubectl apply --server-side -k`.
    """

    ours: dict[str, list[float]] = field(default_factory=dict)
    whole: dict[str, list[float]] = field(default_factory=dict)
    fresh: list[float] = field(default_factory=list)
    kubectl: dict[str, list[float]] = field(default_factory=dict)
    server_side: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Line:
    """The outside systems, with a cluster that is far away or near, and kubectl, which is as far from it."""

    there: Far
    kubectl: Kubectl


def measure() -> Iterator[Figure]:
    """Apply to a cluster with a delay, and without one."""
    try:
        programs = find_programs(report=say)
    except ClusterUnavailableError as error:
        say(f"no real API server is to be had, so nothing was applied to one: {error}")
        return
    with prepared_cluster() as kubeconfig:
        for delay in (MILLISECONDS, 0):
            # kubectl calls the cluster alone, and makes no database.
            with far(kubeconfig, systems=(KUBERNETES,), milliseconds=delay, with_database=False) as there:
                kubectl = Kubectl(program=programs.kubectl, kubeconfig=there.kubeconfig, home=there.folder)
                yield from figures(_take(Line(there=there, kubectl=kubectl)), delay=delay)


def figures(taken: Taken, *, delay: int) -> Iterator[Figure]:
    """Return the figures of one cluster, from the measured seconds."""
    for (step, of), most in LIMITS.items():
        if of != delay:
            continue
        client, server = (percentile(each[step], 0.5) for each in (taken.kubectl, taken.server_side))
        ours, least = percentile(taken.ours[step], 0.5), min(client, server)
        samples = {"seconds": ours, "whole reconcile": percentile(taken.whole[step], 0.5)}
        if step == "first":
            samples["in a fresh worker"] = percentile(taken.fresh, 0.5)
        samples |= {"kubectl apply -k": client, "kubectl apply --server-side -k": server}
        yield Figure(
            name=f"{_TOLD[step]}, {f'{delay} ms away' if delay else 'no delay'}",
            value=ours / least,
            unit="times the reference",
            reference=f"the faster of kubectl apply -k and the same with --server-side, {least:.2f} s",
            most=most,
            samples={name: round(value, 3) for name, value in samples.items()},
        )


def _take(line: Line) -> Taken:
    """Measure in turns a running worker, a fresh worker, and kubectl in both modes.

    The environments are deleted after each round.
    """
    taken, worker = Taken(), Container(line.there.settings)
    line.kubectl.run("get", "namespaces")  # fetches the discovery cache, which the worker keeps too
    _ours(line, worker, "warm-up", None)
    for number in range(ROUNDS):
        name = uuid.uuid4().hex[:6]
        _ours(line, worker, f"ours-{name}", taken)
        taken.fresh.append(_reconcile(Container(line.there.settings), _branch_off(line, f"fresh-{name}"))[0])
        for on_the_server, into in ((False, taken.kubectl), (True, taken.server_side)):
            _theirs(
                line, f"{'server' if on_the_server else 'client'}-{name}", into, on_the_server=on_the_server
            )
        _clear_away(line, worker)
        say(f"applying: round {number + 1} of {ROUNDS}")
    return taken


def _branch_off(line: Line, name: str) -> str:
    branch = f"feature/{name}"
    line.there.repository.commit(branch, {"README.md": name.encode()}, name)
    return branch


def _ours(line: Line, worker: Container, name: str, taken: Taken | None) -> None:
    branch = _branch_off(line, name)
    steps: dict[str, tuple[float, float]] = {"first": _reconcile(worker, branch)}
    settle(worker, branch, pause=time.sleep)
    _, whole = _reconcile(worker, branch)
    steps["unchanged"] = (whole, whole)
    source = (MANIFESTS / CHANGED).read_bytes()
    line.there.repository.commit(branch, {f"manifests/{CHANGED}": changed(source)}, "one object")
    steps["one object changed"] = _reconcile(worker, branch)
    settle(worker, branch, pause=time.sleep)
    for step, (ours, all_of_it) in steps.items():
        if taken is not None:
            taken.ours.setdefault(step, []).append(ours)
            taken.whole.setdefault(step, []).append(all_of_it)


def _reconcile(worker: Container, branch: str) -> tuple[float, float]:
    """Reconcile once; return the seconds of building and applying, and those of the whole reconcile."""
    reconciler, watch = watched(worker)
    key = Key(repository=worker.settings.github_repository, branch=branch)
    whole = seconds(lambda: reconciler.reconcile(key))
    return watch.seconds, whole


def _theirs(line: Line, name: str, into: dict[str, list[float]], *, on_the_server: bool) -> None:
    manifests = write_manifests(line.there.folder / name, slug=name)
    for step in _TOLD:
        if step == "one object changed":
            change_one_object(manifests)
        into.setdefault(step, []).append(line.kubectl.apply(manifests, on_the_server=on_the_server))


def _clear_away(line: Line, worker: Container) -> None:
    """Delete every environment, so that none is active during the next measurement."""
    branches = set(line.there.repository.branches()) - {line.there.repository.default_branch}
    slugs = [branch.removeprefix("feature/") for branch in branches]
    slugs += [folder.name for folder in line.there.folder.glob("*") if (folder / "overlays").is_dir()]
    for branch in branches:
        line.there.repository.delete(branch)
    names = [f"feature-{slug}" for slug in slugs]
    line.kubectl.run("delete", "namespaces", "--ignore-not-found", "--wait=true", *names)
    for branch in branches:
        settle(worker, branch, pause=time.sleep)
