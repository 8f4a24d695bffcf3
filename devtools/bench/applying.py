"""Figures: the example's overlays applied to a real API server, over TLS, beside what kubectl takes for them.

Ours is the time that the program spends building and applying within a whole reconcile, which it could not
do in less. What surrounds it (two looks, the fetch of the files, locks, the record, the credential) no
`kubectl apply` does; how long the whole took is said beside. Where nothing has changed, the whole is what is
measured.
"""

import contextlib
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from app.container import Container
from coppice.environment.key import Key
from devtools.bench.figure import Figure
from devtools.bench.fleet import settle
from devtools.bench.instrumented import watched
from devtools.bench.kubectl import CHANGED, MANIFESTS, Kubectl, change_one_object, changed, write_manifests
from devtools.bench.timing import percentile, say, seconds
from devtools.cluster.control_plane import running_cluster
from devtools.cluster.programs import ClusterUnavailableError, find_programs
from devtools.demo.cluster import act_as_bound, prepare
from devtools.demo.processes import started
from devtools.demo.world import SAMPLE, SEED
from devtools.emulators.github.repository import Repository
from devtools.host.settings import read_values

ROUNDS = 5
_DELAY = 30  # milliseconds
# Step, milliseconds of delay → the limit.
LIMITS = {
    ("first", _DELAY): 0.35,
    ("first", 0): 0.6,
    ("unchanged", _DELAY): 0.15,
    ("one object changed", _DELAY): 0.3,
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
    """A cluster, with or without a delay, with the settings of a worker and with kubectl."""

    folder: Path
    repository: Repository
    settings: Mapping[str, str]
    kubectl: Kubectl


def measure() -> Iterator[Figure]:
    """Apply to a cluster with a delay, and without one."""
    try:
        programs = find_programs(report=say)
    except ClusterUnavailableError as error:
        say(f"no real API server is to be had, so nothing was applied to one: {error}")
        return
    with running_cluster(report=say) as cluster:
        prepare(cluster.kubeconfig)
        for delay in (_DELAY, 0):
            with _line(cluster.kubeconfig, programs.kubectl, delay) as line:
                yield from figures(_take(line), delay=delay)


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
    taken, worker = Taken(), Container(line.settings)
    line.kubectl.run("get", "namespaces")  # fetches the discovery cache, which the worker keeps too
    _ours(line, worker, "warm-up", None)
    for number in range(ROUNDS):
        name = uuid.uuid4().hex[:6]
        _ours(line, worker, f"ours-{name}", taken)
        taken.fresh.append(_reconcile(Container(line.settings), _branch_off(line, f"fresh-{name}"))[0])
        for on_the_server, into in ((False, taken.kubectl), (True, taken.server_side)):
            _theirs(
                line, f"{'server' if on_the_server else 'client'}-{name}", into, on_the_server=on_the_server
            )
        _clear_away(line, worker)
        say(f"applying: round {number + 1} of {ROUNDS}")
    return taken


def _branch_off(line: Line, name: str) -> str:
    branch = f"feature/{name}"
    line.repository.commit(branch, {"README.md": name.encode()}, name)
    return branch


def _ours(line: Line, worker: Container, name: str, taken: Taken | None) -> None:
    branch = _branch_off(line, name)
    steps: dict[str, tuple[float, float]] = {"first": _reconcile(worker, branch)}
    settle(worker, branch, pause=time.sleep)
    _, whole = _reconcile(worker, branch)
    steps["unchanged"] = (whole, whole)
    source = (MANIFESTS / CHANGED).read_bytes()
    line.repository.commit(branch, {f"manifests/{CHANGED}": changed(source)}, "one object")
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
    manifests = write_manifests(line.folder / name, slug=name)
    for step in _TOLD:
        if step == "one object changed":
            change_one_object(manifests)
        into.setdefault(step, []).append(line.kubectl.apply(manifests, on_the_server=on_the_server))


def _clear_away(line: Line, worker: Container) -> None:
    """Delete every environment, so that none is active during the next measurement."""
    branches = set(line.repository.branches()) - {line.repository.default_branch}
    slugs = [branch.removeprefix("feature/") for branch in branches]
    slugs += [folder.name for folder in line.folder.glob("*") if (folder / "overlays").is_dir()]
    for branch in branches:
        line.repository.delete(branch)
    names = [f"feature-{slug}" for slug in slugs]
    line.kubectl.run("delete", "namespaces", "--ignore-not-found", "--wait=true", *names)
    for branch in branches:
        settle(worker, branch, pause=time.sleep)


@contextlib.contextmanager
def _line(kubeconfig: Path, kubectl: Path, delay: int) -> Iterator[Line]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coppice-bench-")))
        log, path = folder / "log", folder / "repository.git"
        github = stack.enter_context(
            started("devtools.emulators.github", "--repository", str(path), *SEED, log=log)
        )
        arm = stack.enter_context(started("devtools.emulators.arm", log=log))
        acting = act_as_bound(kubeconfig, folder / "acting")
        ways = [Path(acting["KUBECONFIG"]), folder / "admin"]
        ways[1].write_bytes(kubeconfig.read_bytes())
        if delay:
            target = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
            where = target.removeprefix("https://")
            far = stack.enter_context(
                started("devtools.bench.delay", where, "--milliseconds", str(delay), log=log)
            )
            for file in ways:
                file.write_text(file.read_text().replace(target, far.url))
        yield Line(
            folder=folder,
            repository=Repository(path=path),
            settings={
                **read_values(SAMPLE),
                "GITHUB_API_URL": github.url,
                "AZURE_RESOURCE_MANAGER_URL": arm.url,
                "CREDENTIAL_SETTLE_SECONDS": "0",  # a wait, which is no part of applying
                **acting,
            },
            kubectl=Kubectl(program=kubectl, kubeconfig=ways[1], home=folder),
        )
