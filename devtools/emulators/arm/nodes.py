"""The nodes of agent pools, in a cluster where kwok simulates them: a pool at 0 leaves its pods pending.

Each pass over the cluster does what is possible now and stores nothing: how far a drain is can be read from
the cluster. So the next pass continues where the last one stopped, whatever failed, in another process too.
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
from devtools.emulators.arm.resources import Json
from devtools.emulators.arm.state import ArmState

POOL_LABEL = "kubernetes.azure.com/agentpool"
DRAINING = "coppice.dev/draining"  # marks a cordon that the emulator set, and may remove; other cordons stay
_NOT_READY = {
    "type": "Ready",
    "status": "Unknown",
    "reason": "NodeStatusUnknown",
    "message": "Kubelet stopped posting node status.",
}
_PAUSE = 0.25  # seconds between two passes
_STOP_TIMEOUT = 10.0  # seconds

_Object = Mapping[str, Any]


@contextlib.contextmanager
def keeping_nodes(state: ArmState, api: Api) -> Iterator[None]:
    """Keep the pools' nodes in the cluster for as long as the context lasts; they stay when it ends.

    Args:
        state: the pools. From now on an operation ends only when its pool's nodes match the pool.
        api: the cluster, as an administrator.
    """
    state.keeps_nodes = True
    sync_nodes(state, api)
    stopped = threading.Event()

    def reconcile_repeatedly() -> None:
        while not stopped.wait(_PAUSE):
            sync_nodes(state, api)

    thread = threading.Thread(target=reconcile_repeatedly, name="nodes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(_STOP_TIMEOUT)


def sync_nodes(state: ArmState, api: Api) -> None:
    """Bring each pool's nodes as close to its count as is possible now, and report what they wait for.

    Args:
        state: the pools; the report is recorded in it.
        api: the cluster. A failed call is reported, and repeated in the next pass.
    """
    with state.lock:
        pools = {name: dict(properties) for name, properties in state.pools.items()}
    try:
        existing = list(api.items(path("v1", "nodes"), selector=POOL_LABEL))
    except Failure as error:
        for name, pool in pools.items():
            state.report_nodes(name, as_of=pool["eTag"], waits_for=error.message)
        return
    for name, pool in pools.items():
        ours = [each for each in existing if each["metadata"]["labels"][POOL_LABEL] == name]
        try:
            waiting = _reconcile_pool(api, name, pool, ours)
        except Failure as error:
            waiting = [error.message]
        state.report_nodes(name, as_of=pool["eTag"], waits_for="; ".join(waiting))


def _reconcile_pool(api: Api, name: str, pool: Json, existing: Sequence[_Object]) -> list[str]:
    """Create, repair or drain the nodes of one pool.

    Returns:
        What the nodes still wait for.
    """
    provider_nodes = [_name(each) for each in existing if each.get("spec", {}).get("providerID")]
    if provider_nodes:
        return [f"{', '.join(provider_nodes)}: a machine at a provider, which an emulator leaves alone"]
    deallocated, running = (
        [each for each in existing if _is_deallocated(each)],
        [each for each in existing if not _is_deallocated(each)],
    )
    ordered = sorted(running, key=lambda each: (_is_draining(each), _name(each)))
    count, deallocates = _count(pool), _deallocates(pool)
    restarted = sorted(deallocated, key=_name)[: max(0, count - len(running))] if deallocates else []
    waiting = [_start_node(api, each) for each in restarted]
    missing = count - len(running) - len(restarted)
    waiting += _create_nodes(api, name, pool, taken={_name(each) for each in existing}, missing=missing)
    for each in ordered[:count]:
        waiting += _repair(api, each, _labels(_manifest(name, 0, pool)))
    for each in ordered[count:]:
        waiting += _drain(api, each, deallocates=deallocates)
    for each in () if deallocates else deallocated:
        api.delete(_path(each), uid=each["metadata"]["uid"])
    return waiting


def _count(pool: Json) -> int:
    """Return how many nodes of a pool should run; a stopped pool has none, whatever its count."""
    if power(pool) == "Stopped":
        return 0
    sizes = pool.get("virtualMachineNodesStatus")
    counts = [each["count"] for each in sizes] if isinstance(sizes, list) else [pool["count"]]
    return sum(int(str(each)) for each in counts)


def _deallocates(pool: Json) -> bool:
    """Return whether the nodes of machines that a pool removes stay, deallocated.

    See https://learn.microsoft.com/azure/aks/scale-down-mode. A stopped pool deletes its nodes in any mode:
    https://github.com/Azure/AKS/issues/2810.
    """
    return pool.get("scaleDownMode") == "Deallocate" and power(pool) != "Stopped"


def _start_node(api: Api, existing: _Object) -> str:
    """Start a deallocated machine; AKS starts deallocated machines before it creates new ones."""
    marks = {"annotations": {DEALLOCATED: None, DRAINING: None}}
    api.merge(_path(existing), {"metadata": marks, "spec": {"unschedulable": None}})
    api.merge(f"{_path(existing)}/status", {"status": {"conditions": []}})
    return f"{_name(existing)} is starting"


def _deallocate(api: Api, existing: _Object) -> None:
    """Deallocate a machine; its node stays registered, cordoned and not ready."""
    api.merge(_path(existing), {"metadata": {"annotations": {DEALLOCATED: "true"}}})
    api.merge(f"{_path(existing)}/status", {"status": {"conditions": [_NOT_READY]}})


def _create_nodes(api: Api, name: str, pool: Json, *, taken: set[str], missing: int) -> list[str]:
    free = (
        each for each in (_manifest(name, n, pool) for n in itertools.count()) if _name(each) not in taken
    )
    new = list(itertools.islice(free, max(0, missing)))
    for each in new:
        api.post(path("v1", "nodes"), each)
    return [f"{_name(each)} is not ready yet" for each in new]


def _repair(api: Api, existing: _Object, labels: Mapping[str, str]) -> list[str]:
    """Set the current labels of the pool on a node that stays, and remove the emulator's cordon."""
    if _is_draining(existing):
        api.merge(
            _path(existing), {"metadata": {"annotations": {DRAINING: None}}, "spec": {"unschedulable": None}}
        )
    if not labels.items() <= existing["metadata"]["labels"].items():
        api.merge(_path(existing), {"metadata": {"labels": labels}})
    conditions = existing.get("status", {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return [] if ready else [f"{_name(existing)} is not ready yet"]


def _drain(api: Api, existing: _Object, *, deallocates: bool) -> list[str]:
    """Do the next step of a drain: cordon the node, evict its pods, or delete or deallocate it.

    Each pass does one step only, because the scheduler may take a moment to see the cordon.
    """
    name = _name(existing)
    if not _is_draining(existing):
        mark = {"metadata": {"annotations": {DRAINING: "true"}}, "spec": {"unschedulable": True}}
        api.merge(_path(existing), mark)
        return [f"{name} has just been cordoned"]
    pods = [pod for pod in api.items(path("v1", "pods")) if pod["spec"].get("nodeName") == name]
    evictable = [pod for pod in pods if not _is_bound_to_node(pod)]
    if evictable:
        return [f"{name}: {_evict(api, pod)}" for pod in evictable]
    if deallocates:
        _deallocate(api, existing)
    else:
        api.delete(_path(existing), uid=existing["metadata"]["uid"])
    return []


def _evict(api: Api, pod: _Object) -> str:
    """Evict a pod, unless it is terminating.

    The eviction API answers 429 if a disruption budget forbids the eviction; see
    https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/.

    Returns:
        Why the pod still exists.
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
        except Failure as error:  # a disruption budget, for example; other pods may be evicted meanwhile
            return error.message
    return f"pod {namespace}/{name} is going"


def _is_bound_to_node(pod: _Object) -> bool:
    """Return whether a pod ends only with its node: a DaemonSet would recreate it, or the kubelet owns it."""
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


def _is_draining(existing: _Object) -> bool:
    return DRAINING in existing["metadata"].get("annotations", {})


def _is_deallocated(existing: _Object) -> bool:
    return DEALLOCATED in existing["metadata"].get("annotations", {})


def _name(each: _Object) -> str:
    return str(each["metadata"]["name"])


def _path(each: _Object) -> str:
    return path("v1", "nodes", name=_name(each))
