"""Agent pools as nodes of a real control plane, for kwok to play: a pool at 0 leaves its pods pending for
real.

Each look at the cluster does what can be done by now and remembers nothing: the cluster says how far a drain
is. So the next look goes on where the last one stopped, whatever failed, and in another process too.
"""

import contextlib
import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from coppice.reconciler.errors import Failure
from devtools.cluster.nodes import DEALLOCATED, node
from devtools.emulators.arm.pool_rules import power
from devtools.emulators.arm.state import ArmState, Json

POOL_LABEL = "kubernetes.azure.com/agentpool"
DRAINING = "coppice.dev/draining"  # our cordon, which we may take back; other people's stay
_OFF = {
    "type": "Ready",
    "status": "Unknown",
    "reason": "NodeStatusUnknown",
    "message": "Kubelet stopped posting node status.",
}
_PAUSE = 0.25  # seconds between two looks
_STOP_TIMEOUT = 10.0  # seconds

_Object = Mapping[str, Any]


@contextlib.contextmanager
def keeping_nodes(state: ArmState, api: Api) -> Iterator[None]:
    """Keep the pools' nodes in the cluster for as long as the context lasts; they stay when it ends.

    Args:
        state: the pools. From now on an operation is over only when its pool's nodes are as they shall be.
        api: the cluster, as an administrator.
    """
    state.keeps_nodes = True
    look(state, api)
    stopped = threading.Event()

    def keep_looking() -> None:
        while not stopped.wait(_PAUSE):
            look(state, api)

    thread = threading.Thread(target=keep_looking, name="nodes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(_STOP_TIMEOUT)


def look(state: ArmState, api: Api) -> None:
    """Bring each pool's nodes as near to its count as can be done by now, and tell the state what is left.

    Args:
        state: the pools.
        api: the cluster. What fails there is noted, and tried again at the next look.
    """
    with state.lock:
        pools = {name: dict(properties) for name, properties in state.pools.items()}
    try:
        standing = list(api.items(path("v1", "nodes"), selector=POOL_LABEL))
    except Failure as error:
        for name, pool in pools.items():
            state.nodes_seen(name, as_of=pool["eTag"], waits_for=error.message)
        return
    for name, pool in pools.items():
        ours = [each for each in standing if each["metadata"]["labels"][POOL_LABEL] == name]
        try:
            waits = _keep(api, name, pool, ours)
        except Failure as error:
            waits = [error.message]
        state.nodes_seen(name, as_of=pool["eTag"], waits_for="; ".join(waits))


def _keep(api: Api, name: str, pool: Json, standing: Sequence[_Object]) -> list[str]:
    """Make, mend or drain the nodes of one pool; returns what is still waited for."""
    machines = [_name(each) for each in standing if each.get("spec", {}).get("providerID")]
    if machines:
        return [f"{', '.join(machines)}: a machine at a provider, which an emulator leaves alone"]
    off, on = [each for each in standing if _is_off(each)], [each for each in standing if not _is_off(each)]
    ordered = sorted(on, key=lambda each: (_is_draining(each), _name(each)))
    count, deallocates = _count(pool), _deallocates(pool)
    back = sorted(off, key=_name)[: max(0, count - len(on))] if deallocates else []
    waits = [_start(api, each) for each in back]
    missing = count - len(on) - len(back)
    waits += _make(api, name, pool, taken={_name(each) for each in standing}, missing=missing)
    for each in ordered[:count]:
        waits += _mend(api, each, _labels(_manifest(name, 0, pool)))
    for each in ordered[count:]:
        waits += _drain(api, each, deallocates=deallocates)
    for each in () if deallocates else off:
        api.delete(_path(each), uid=each["metadata"]["uid"])
    return waits


def _count(pool: Json) -> int:
    """How many machines shall run. One that is stopped has none, whatever its count."""
    if power(pool) == "Stopped":
        return 0
    machines = pool.get("virtualMachineNodesStatus")
    counts = [each["count"] for each in machines] if isinstance(machines, list) else [pool["count"]]
    return sum(int(str(each)) for each in counts)


def _deallocates(pool: Json) -> bool:
    """Whether machines that go stay as nodes: https://learn.microsoft.com/azure/aks/scale-down-mode.

    A pool that is stopped deletes them all the same: https://github.com/Azure/AKS/issues/2810.
    """
    return pool.get("scaleDownMode") == "Deallocate" and power(pool) != "Stopped"


def _start(api: Api, standing: _Object) -> str:
    """Start a machine that was deallocated: they come before new ones."""
    marks = {"annotations": {DEALLOCATED: None, DRAINING: None}}
    api.merge(_path(standing), {"metadata": marks, "spec": {"unschedulable": None}})
    api.merge(f"{_path(standing)}/status", {"status": {"conditions": []}})
    return f"{_name(standing)} is starting"


def _switch_off(api: Api, standing: _Object) -> None:
    """Deallocate a machine: its node stays registered, cordoned and not ready."""
    api.merge(_path(standing), {"metadata": {"annotations": {DEALLOCATED: "true"}}})
    api.merge(f"{_path(standing)}/status", {"status": {"conditions": [_OFF]}})


def _make(api: Api, name: str, pool: Json, *, taken: set[str], missing: int) -> list[str]:
    free = (
        each for each in (_manifest(name, n, pool) for n in itertools.count()) if _name(each) not in taken
    )
    new = list(itertools.islice(free, max(0, missing)))
    for each in new:
        api.post(path("v1", "nodes"), each)
    return [f"{_name(each)} is not ready yet" for each in new]


def _mend(api: Api, standing: _Object, labels: Mapping[str, str]) -> list[str]:
    """Give a node that stays its pool's labels, which may have changed, and take our cordon off it."""
    if _is_draining(standing):
        api.merge(
            _path(standing), {"metadata": {"annotations": {DRAINING: None}}, "spec": {"unschedulable": None}}
        )
    if not labels.items() <= standing["metadata"]["labels"].items():
        api.merge(_path(standing), {"metadata": {"labels": labels}})
    conditions = standing.get("status", {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return [] if ready else [f"{_name(standing)} is not ready yet"]


def _drain(api: Api, standing: _Object, *, deallocates: bool) -> list[str]:
    """Cordon a node, evict its pods, or remove it or switch it off: whichever is due.

    Each at a look of its own: the scheduler may take a moment to hear of the cordon.
    """
    name = _name(standing)
    if not _is_draining(standing):
        mark = {"metadata": {"annotations": {DRAINING: "true"}}, "spec": {"unschedulable": True}}
        api.merge(_path(standing), mark)
        return [f"{name} has just been cordoned"]
    pods = [pod for pod in api.items(path("v1", "pods")) if pod["spec"].get("nodeName") == name]
    evictable = [pod for pod in pods if not _stays(pod)]
    if evictable:
        return [f"{name}: {_evict(api, pod)}" for pod in evictable]
    if deallocates:
        _switch_off(api, standing)
    else:
        api.delete(_path(standing), uid=standing["metadata"]["uid"])
    return []


def _evict(api: Api, pod: _Object) -> str:
    """Ask a pod to go, unless it is going; returns why it is still there.

    See https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/: 429 is a disruption budget.
    """
    metadata = pod["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    if "deletionTimestamp" not in metadata:
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": metadata["uid"]}},
        }
        try:
            api.post(path("v1", "pods", namespace=namespace, name=name) + "/eviction", eviction)
        except Failure as error:  # another pod may go meanwhile
            return error.message
    return f"pod {namespace}/{name} is going"


def _stays(pod: _Object) -> bool:
    """Whether a pod goes only with its node: it would come back at once, or the kubelet owns it."""
    metadata = pod["metadata"]
    mirror = "kubernetes.io/config.mirror" in metadata.get("annotations", {})
    owners = metadata.get("ownerReferences", ())
    return mirror or any(owner["kind"] == "DaemonSet" and owner.get("controller") for owner in owners)


def _manifest(name: str, number: int, pool: Json) -> dict[str, Any]:
    labels = pool.get("nodeLabels") or {}
    assert isinstance(labels, dict)
    return node(name, number, mode=str(pool["mode"]), labels=labels)


def _labels(manifest: _Object) -> dict[str, str]:
    """Return the labels that all nodes of a pool share."""
    labels: Mapping[str, str] = manifest["metadata"]["labels"]
    return {label: value for label, value in labels.items() if label != "kubernetes.io/hostname"}


def _is_draining(standing: _Object) -> bool:
    return DRAINING in standing["metadata"].get("annotations", {})


def _is_off(standing: _Object) -> bool:
    return DEALLOCATED in standing["metadata"].get("annotations", {})


def _name(each: _Object) -> str:
    return str(each["metadata"]["name"])


def _path(each: _Object) -> str:
    return path("v1", "nodes", name=_name(each))
