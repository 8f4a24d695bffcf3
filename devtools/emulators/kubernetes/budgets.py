"""PodDisruptionBudgets, and the evictions that they refuse.

https://kubernetes.io/docs/concepts/workloads/pods/disruptions/ has the rules, and
https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ the answers.
"""

import math

from devtools.emulators.kubernetes import deletes, selectors, status
from devtools.emulators.kubernetes.kinds import BUDGET, BY_NAME, POD
from devtools.emulators.kubernetes.pods import is_ready
from devtools.emulators.kubernetes.store import Object, Store
from devtools.emulators.kubernetes.world import World, conditions, with_status
from devtools.emulators.kubernetes.writes import Target

_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def budget(world: World, live: Object) -> bool:
    """Recalculate the status of a PodDisruptionBudget."""
    spec, namespace = live.get("spec", {}), live["metadata"]["namespace"]
    pods = [pod for pod in world.store.objects(POD, namespace) if _covers(live, pod)]
    healthy = sum(is_ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in pods)
    if "maxUnavailable" in spec:
        expected = _desired_healthy(world.store, pods)
        desired = max(0, expected - _share(spec["maxUnavailable"], expected))
    else:
        minimum = spec.get("minAvailable", 1)
        expected = _desired_healthy(world.store, pods) if isinstance(minimum, str) else len(pods)
        desired = _share(minimum, expected)
    allowed = max(0, healthy - desired) if expected else 0
    reason = ("True", "SufficientPods", "") if allowed else ("False", "InsufficientPods", "")
    counts = {
        "observedGeneration": live["metadata"]["generation"],
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": conditions(live, [("DisruptionAllowed", *reason)], now=world.store.now()),
    }
    with_status(world, BUDGET, live, counts)
    return False


def evict(store: Store, target: Target, body: Object) -> Object:
    """Delete a pod, unless a disruption budget forbids it.

    Args:
        store: the store that holds the pod.
        target: the pod.
        body: the `Eviction`.

    Returns:
        The `Status` of a success.

    Raises:
        ApiError: 400, 404 or 409; 429 if a budget forbids the eviction; 500 if several budgets cover the pod.
    """
    if body.get("metadata", {}).get("name", target.name) != target.name:
        raise status.bad_request("name in URL does not match name in Eviction object")
    pod = store.get(POD, target.namespace, target.name)
    covering = [each for each in store.objects(BUDGET, target.namespace) if _covers(each, pod)]
    over = (
        pod["status"]["phase"] in {"Pending", "Succeeded", "Failed"} or "deletionTimestamp" in pod["metadata"]
    )
    if covering and not over:
        if len(covering) > 1:
            raise status.ApiError(500, _SEVERAL, reason="InternalError")
        _check(covering[0], pod)
    deletes.delete(store, target, body.get("deleteOptions", {}))
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _check(live: Object, pod: Object) -> None:
    counts, name = live["status"], live["metadata"]["name"]
    desired, healthy = counts["desiredHealthy"], counts["currentHealthy"]
    if counts["disruptionsAllowed"] or (not is_ready(pod) and healthy >= desired > 0):
        return
    why = f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    raise status.ApiError(429, _REFUSED, details={"causes": [{"reason": "DisruptionBudget", "message": why}]})


def _covers(live: Object, pod: Object) -> bool:
    selector = live.get("spec", {}).get("selector")
    return selector is not None and selectors.of_object(selector)(pod["metadata"].get("labels", {}))


def _desired_healthy(store: Store, pods: list[Object]) -> int:
    """Return how many pods the controllers of these pods want; a pod without a controller counts as one."""
    desired: dict[str, int] = {}
    for pod in pods:
        metadata = pod["metadata"]
        owner = next(iter(metadata.get("ownerReferences", ())), None)
        kind = BY_NAME.get(owner["kind"]) if owner else None
        found = store.find(kind, metadata["namespace"], owner["name"]) if owner and kind else None
        uid = owner["uid"] if owner else metadata["uid"]
        desired[uid] = found["spec"].get("replicas", 1) if found else 1
    return sum(desired.values())


def _share(value: int | str, of: int) -> int:
    return math.ceil(int(value.removesuffix("%")) * of / 100) if isinstance(value, str) else value
