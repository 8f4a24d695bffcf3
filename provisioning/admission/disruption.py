"""Refuses PodDisruptionBudgets that never allow a disruption: no node with such a pod could be drained."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from coppice.manifests.fields import (
    Fields,
    display_name,
    kind_id,
    mapping,
    mappings,
    name_of,
    quote,
    string,
    strings,
)
from coppice.manifests.rejection import Refusal

_MAX_BUDGETS = 50
_PERCENT = re.compile(r"([0-9]{1,3})%")
_WORKLOADS = frozenset({"apps/Deployment", "apps/ReplicaSet", "apps/StatefulSet"})
_SCALERS = {"autoscaling/HorizontalPodAutoscaler": "minReplicas", "keda.sh/ScaledObject": "minReplicaCount"}


def refusals(objects: Sequence[Fields]) -> Iterator[Refusal]:
    """Check the PodDisruptionBudgets of an environment.

    Args:
        objects: all of its objects; their fields have the expected types.
    """
    budgets = [obj for obj in objects if kind_id(obj) == "policy/PodDisruptionBudget"]
    if len(budgets) > _MAX_BUDGETS:
        reason = f"has {len(budgets)} PodDisruptionBudgets; at most {_MAX_BUDGETS} are let through"
        yield Refusal("overlay", reason)
        return
    minimums = dict(_scaler_minimums(objects))
    for budget in budgets:
        spec = mapping(budget, "spec")
        selector = mapping(spec, "selector")
        pods = sum(_min_replicas(each, minimums) for each in objects if _selects(selector, each))
        for reason in _reasons(spec, pods):
            yield Refusal(display_name(budget), reason)


def _reasons(spec: Fields, pods: int) -> Iterator[str]:
    max_unavailable, min_available = spec.get("maxUnavailable"), spec.get("minAvailable")
    # Kubernetes rounds a percentage up, so any percentage above 0 allows at least one pod.
    if max_unavailable is not None and _pod_count(max_unavailable, 100) < 1:
        yield "its maxUnavailable allows no node of its pods to be drained; 1 is the least that does"
    if min_available is not None and pods and _pod_count(min_available, pods) >= pods:
        yield (
            f"its minAvailable {quote(str(min_available))} of {pods} allows no node of its pods to be "
            "drained; say maxUnavailable: 1 instead"
        )
    if string(spec, "unhealthyPodEvictionPolicy") not in {"", "AlwaysAllow"}:
        yield "its unhealthyPodEvictionPolicy lets pods that are not ready hold their node; say AlwaysAllow"


def _pod_count(value: object, pods: int) -> int:
    """The number of pods that a number or a percentage stands for; the API server refuses other values."""
    percent = _PERCENT.fullmatch(str(value))
    if percent:
        return math.ceil(int(percent[1]) * pods / 100)
    return value if isinstance(value, int) else 0


def _scaler_minimums(objects: Sequence[Fields]) -> Iterator[tuple[tuple[str, str], int]]:
    """Kind and name of a workload → the lowest number of replicas that its scaler may set."""
    for obj in objects:
        if field := _SCALERS.get(kind_id(obj)):
            target = mapping(obj, "spec", "scaleTargetRef")
            minimum = mapping(obj, "spec").get(field)
            key = (string(target, "kind") or "Deployment", string(target, "name"))
            yield key, minimum if isinstance(minimum, int) else 1


def _min_replicas(obj: Fields, minimums: Mapping[tuple[str, str], int]) -> int:
    field = mapping(obj, "spec").get("replicas")
    replicas = field if isinstance(field, int) else 1
    return minimums.get((string(obj, "kind"), name_of(obj)), replicas)


def _selects(selector: Fields, obj: Fields) -> bool:
    """Whether a selector matches the pods of a workload. An empty selector matches all pods."""
    if kind_id(obj) not in _WORKLOADS:
        return False
    labels = mapping(obj, "spec", "template", "metadata", "labels")
    match_labels = mapping(selector, "matchLabels")
    return all(labels.get(key) == value for key, value in match_labels.items()) and all(
        _matches(labels.get(string(each, "key")), string(each, "operator"), strings(each, "values"))
        for each in mappings(selector, "matchExpressions")
    )


def _matches(label: object, operator: str, values: Sequence[str]) -> bool:
    match operator:
        case "In":
            return label in values
        case "NotIn":
            return label not in values
        case "Exists":
            return label is not None
        case _:
            return label is None
