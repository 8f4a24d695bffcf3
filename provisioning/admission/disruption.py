"""A PodDisruptionBudget gives way: otherwise no node with such a pod could be drained, at night or ever."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from coppice.manifests.fields import Fields, kind_id, mapping, mappings, quote, string, strings
from coppice.manifests.rejection import Refusal

_MOST = 50
_PERCENT = re.compile(r"([0-9]{1,3})%")
_WORKLOADS = frozenset({"apps/Deployment", "apps/ReplicaSet", "apps/StatefulSet"})
_SCALERS = {"autoscaling/HorizontalPodAutoscaler": "minReplicas", "keda.sh/ScaledObject": "minReplicaCount"}


def refusals(objects: Sequence[Fields]) -> Iterator[Refusal]:
    """What stands against the PodDisruptionBudgets of an environment.

    Args:
        objects: all of its objects, whose fields are of the types that they should have.
    """
    budgets = [obj for obj in objects if kind_id(obj) == "policy/PodDisruptionBudget"]
    if len(budgets) > _MOST:
        yield Refusal("overlay", f"has {len(budgets)} PodDisruptionBudgets; at most {_MOST} are let through")
        return
    least = dict(_scaled(objects))
    for budget in budgets:
        name, spec = string(mapping(budget, "metadata"), "name"), mapping(budget, "spec")
        selector = mapping(spec, "selector")
        pods = sum(_replicas(each, least) for each in objects if _covered(each, selector))
        for reason in _reasons(spec, pods):
            yield Refusal(f"policy/PodDisruptionBudget {name}", reason)


def _reasons(spec: Fields, pods: int) -> Iterator[str]:
    most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most is not None and _share(most, 100) < 1:  # of a percentage, any is rounded up to a pod
        yield "its maxUnavailable allows no node of its pods to be drained; 1 is the least that does"
    if least is not None and pods and _share(least, pods) >= pods:
        yield (
            f"its minAvailable {quote(str(least))} of {pods} allows no node of its pods to be drained; "
            "say maxUnavailable: 1 instead"
        )
    if string(spec, "unhealthyPodEvictionPolicy") not in {"", "AlwaysAllow"}:
        yield "its unhealthyPodEvictionPolicy lets pods that are not ready hold their node; say AlwaysAllow"


def _share(value: object, whole: int) -> int:
    """How many pods a number or a percentage is; what is neither, the API server refuses."""
    percent = _PERCENT.fullmatch(str(value))
    if percent:
        return math.ceil(int(percent[1]) * whole / 100)
    return value if isinstance(value, int) else 0


def _scaled(objects: Sequence[Fields]) -> Iterator[tuple[tuple[str, str], int]]:
    """Workload → the fewest replicas that its scaler may leave it."""
    for obj in objects:
        if field := _SCALERS.get(kind_id(obj)):
            target = mapping(obj, "spec", "scaleTargetRef")
            least = mapping(obj, "spec").get(field)
            key = (string(target, "kind") or "Deployment", string(target, "name"))
            yield key, least if isinstance(least, int) else 1


def _replicas(obj: Fields, least: Mapping[tuple[str, str], int]) -> int:
    said = mapping(obj, "spec").get("replicas")
    replicas = said if isinstance(said, int) else 1
    return least.get((string(obj, "kind"), string(mapping(obj, "metadata"), "name")), replicas)


def _covered(obj: Fields, selector: Fields) -> bool:
    """Whether the pods of a workload are among those that a selector takes in. An empty one takes in all."""
    if kind_id(obj) not in _WORKLOADS:
        return False
    labels = mapping(obj, "spec", "template", "metadata", "labels")
    wanted = mapping(selector, "matchLabels")
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _fits(labels.get(string(each, "key")), string(each, "operator"), strings(each, "values"))
        for each in mappings(selector, "matchExpressions")
    )


def _fits(label: object, operator: str, values: Sequence[str]) -> bool:
    match operator:
        case "In":
            return label in values
        case "NotIn":
            return label not in values
        case "Exists":
            return label is not None
        case _:
            return label is None
