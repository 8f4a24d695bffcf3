"""Figure: two hundred branches pushed within a second, beside the best that Azure's limits on writes allow.

The workers are local hosts on one queue, each a process as an instance on Azure is one. The ARM emulator
refuses what comes too fast, and what overlaps, as Azure does. The overlay is a small one: what is measured is
how well the workers share the limits, and not how fast two cores are.
"""

import contextlib
import json
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from adapters.storage.queue import Queue
from app.container import BRANCHES_QUEUE
from coppice.components.namespace import MANAGED_BY, REVISION
from coppice.environment.key import Key
from devtools.bench.figure import Figure
from devtools.bench.testbed import Place, place
from devtools.bench.timing import say
from devtools.demo.processes import started

BRANCHES, IDENTITIES = 200, 10
_MOST = 1.2
_PER_IDENTITY, _PER_SUBSCRIPTION = 0.25, 2.0  # writes a second
_PATIENCE = 400.0  # seconds until the measurement gives up
_PAUSE = 0.5  # seconds between two checks
_OVERLAY = {
    "kustomization.yaml": {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "feature-BRANCH_NAME",
        "resources": ["account.yaml", "web.yaml"],
    },
    "account.yaml": {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "postgres-service-account"},
    },
    "web.yaml": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    },
}


@dataclass(frozen=True, kw_only=True)
class Burst:
    """The result of one burst."""

    workers: int
    seconds: float
    overlapping: int
    throttled: int
    peak_megabytes: float


def measure() -> Iterator[Figure]:
    """Measure the burst with one, two and four workers."""
    for workers in (1, 2, 4):
        yield figure(run(workers))


def best(branches: int, identities: int) -> float:
    """Return the seconds that the best schedule would need under Azure's limits on writes."""
    return branches / min(identities * _PER_IDENTITY, _PER_SUBSCRIPTION)


def figure(burst: Burst) -> Figure:
    """Return the figure of one burst."""
    least = best(BRANCHES, IDENTITIES)
    return Figure(
        name=f"burst of {BRANCHES} branches, {burst.workers} workers",
        # Overlapping writes make the result invalid, however few they are.
        value=math.inf if burst.overlapping else burst.seconds / least,
        unit="times the reference",
        reference=f"the best schedule for {IDENTITIES} identities, {least:.0f} s",
        most=_MOST,
        samples={
            "seconds": round(burst.seconds, 1),
            "overlapping writes": burst.overlapping,
            "throttled writes": burst.throttled,
            "peak megabytes of a worker": round(burst.peak_megabytes),
        },
    )


def run(workers: int, *, branches: int = BRANCHES) -> Burst:
    """Push all branches at once, and wait until every environment has been applied."""
    with contextlib.ExitStack() as stack:
        seed = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _write_overlay(seed)
        there = stack.enter_context(
            place(identities=IDENTITIES, seed=seed, MONITORING_OVERLAY="", CREDENTIAL_SETTLE_SECONDS="0")
        )
        there.arm.writes_per_second = _PER_IDENTITY
        there.arm.subscription_writes_per_second = _PER_SUBSCRIPTION
        names = [f"feature/burst-{number:03}" for number in range(branches)]
        there.branch_off(names)
        hosts = [
            stack.enter_context(
                started(
                    "devtools.host",
                    "--port",
                    "0",
                    "--settings",
                    str(there.settings_file()),
                    log=there.folder / f"worker-{number}.log",
                )
            )
            for number in range(workers)
        ]
        queue = Queue(BRANCHES_QUEUE, there.settings)
        began = time.monotonic()
        for name in names:
            queue.put(Key(repository=there.settings["GITHUB_REPOSITORY"], branch=name).to_message())
        _wait(there, branches)
        return Burst(
            workers=workers,
            seconds=time.monotonic() - began,
            overlapping=there.arm.overlapping_writes,
            throttled=there.arm.throttled_writes,
            peak_megabytes=max(peak_megabytes(host.process.pid) for host in hosts),
        )


def peak_megabytes(process: int) -> float:
    """Return the largest resident memory that a process has had, in megabytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _wait(there: Place, branches: int) -> None:
    """Wait until the namespaces of all branches record that their commit was applied."""
    url = f"{there.urls['kubernetes']}/api/v1/namespaces?labelSelector={MANAGED_BY}%3Dcoppice"
    deadline = time.monotonic() + _PATIENCE
    told = 0
    while True:
        items = httpx.get(url, trust_env=False, timeout=60).raise_for_status().json()["items"]
        applied = sum(1 for each in items if REVISION in each["metadata"].get("annotations", {}))
        if applied == branches:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {_PATIENCE:.0f} s {applied} of {branches} environments were applied")
        if applied >= told + 20:
            told = applied
            say(f"burst: {applied} of {branches} environments stand")
        time.sleep(_PAUSE)


def _write_overlay(seed: Path) -> None:
    folder = seed / "manifests/overlays/feature"
    folder.mkdir(parents=True)
    for name, document in _OVERLAY.items():
        (folder / name).write_text(json.dumps(document))  # JSON is YAML
