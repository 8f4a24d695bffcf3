"""Figure: fifty branches pushed within a second, each with a part in the monitoring that all share, beside
fifty times the changes that one alone makes.

All of them write to the same two ConfigMaps, and whoever loses a race has to write once more. How many
changes are made is counted, and not how long that takes: two cores say little of that. Whatever was sent
counts, refused or not, the leases apart.
"""

import contextlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from adapters.storage.queue import Queue
from app.container import BRANCHES_QUEUE
from coppice.components.namespace import MANAGED_BY, READY, RESULT
from coppice.environment.key import Key
from devtools.bench.figure import Figure
from devtools.bench.testbed import EXAMPLE, Place, place
from devtools.bench.timing import say
from devtools.demo.processes import started

BRANCHES = 50
_MOST = 1.15
_PATIENCE = 600.0  # seconds until the measurement gives up
_PAUSE = 0.5  # seconds between two checks
_WRITES = {"POST", "PUT", "PATCH", "DELETE"}
_CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"
_JOBS, _SETTINGS = "ama-metrics-prometheus-config", "ama-metrics-settings-configmap"
_JOB = {
    "job_name": "pods",
    "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": ["feature-BRANCH_NAME"]}}],
}
# The ConfigMaps that an overlay of the older kind has for kube-system, and those of the platform team.
_PARTS = {
    _JOBS: {"prometheus-config": yaml.safe_dump({"scrape_configs": [_JOB]})},
    _SETTINGS: {"pod-annotation-based-scraping": 'podannotationnamespaceregex = "feature-BRANCH_NAME"\n'},
}
_THERE = {
    _JOBS: {"prometheus-config": "global: {scrape_interval: 30s}\n"},
    _SETTINGS: {"pod-annotation-based-scraping": 'podannotationnamespaceregex = "project"\n'},
}


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The result of one run.

    Attributes:
        changes: how many requests were sent to change the cluster, leases apart.
        lost: how many writes to the shared ConfigMaps were refused because another write came first.
        seconds: the time until all environments were up.
    """

    changes: int
    lost: int
    seconds: float


def measure() -> Iterator[Figure]:
    """Measure one branch alone, and then fifty branches at once."""
    yield figure(run(1), run(BRANCHES), branches=BRANCHES)


def figure(one: Shared, many: Shared, *, branches: int) -> Figure:
    """Return the figure from the run with one branch and that with many."""
    return Figure(
        name=f"changes of {branches} branches at once that share monitoring, one worker",
        value=many.changes / (branches * one.changes),
        unit="times the reference",
        reference=f"{branches} times the {one.changes} changes of one alone",
        most=_MOST,
        samples={"changes": many.changes, "lost races": many.lost, "seconds": round(many.seconds, 1)},
    )


def run(branches: int) -> Shared:
    """Push branches all at once, and wait until their environments are up."""
    with contextlib.ExitStack() as stack:
        seed = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "seed"
        _write_seed(seed)
        there = stack.enter_context(place(identities=10, seed=seed, CREDENTIAL_SETTLE_SECONDS="0"))
        for name, data in _THERE.items():
            config_map = {"metadata": {"name": name}, "data": data}
            httpx.post(
                f"{there.urls['kubernetes']}{_CONFIG_MAPS}", json=config_map, trust_env=False
            ).raise_for_status()
        names = [f"feature/shared-{number:02}" for number in range(branches)]
        there.branch_off(names)
        settings, log = str(there.settings_file()), there.folder / "worker.log"
        stack.enter_context(started("devtools.host", "--port", "0", "--settings", settings, log=log))
        before = len(_sent(there))
        queue = Queue(BRANCHES_QUEUE, there.settings)
        began = time.monotonic()
        for name in names:
            queue.put(Key(repository=there.settings["GITHUB_REPOSITORY"], branch=name).to_message())
        _wait(there, branches)
        seconds = time.monotonic() - began
        sent = _sent(there)[before:]
        say(f"sharing: {dict(Counter(method for method, _, _ in sent))}")
        lost = [path for _, path, status in sent if path.startswith(_CONFIG_MAPS) and status == 409]
        return Shared(changes=len(sent), lost=len(lost), seconds=seconds)


def _sent(there: Place) -> list[tuple[str, str, int]]:
    """Return method, path and status of each request to change the cluster, except for leases."""
    url = f"{there.urls['kubernetes']}/_emulator/requests"
    asked = httpx.get(url, trust_env=False, timeout=60).raise_for_status().json()
    return [
        (each["method"], each["path"], each["status"])
        for each in asked
        if each["method"] in _WRITES and "/leases" not in each["path"]
    ]


def _wait(there: Place, branches: int) -> None:
    url = f"{there.urls['kubernetes']}/api/v1/namespaces?labelSelector={MANAGED_BY}%3Dcoppice"
    deadline = time.monotonic() + _PATIENCE
    up = 0
    while up < branches:
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {_PATIENCE:.0f} s {up} of {branches} environments were up")
        time.sleep(_PAUSE)
        items = httpx.get(url, trust_env=False, timeout=60).raise_for_status().json()["items"]
        up = sum(1 for each in items if each["metadata"].get("annotations", {}).get(RESULT) == READY)


def _write_seed(seed: Path) -> None:
    """Write the example application, with a monitoring overlay of the older kind."""
    shutil.copytree(EXAMPLE, seed)
    folder = seed / "manifests/overlays/azure-feature"
    resources = []
    for name, data in _PARTS.items():
        metadata = {"name": name, "namespace": "kube-system"}
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(manifest))
        resources.append(f"{name}.yaml")
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({**kustomization, "resources": resources}))
