"""Raises the object counts of an environment's ResourceQuota to what its overlay needs.

A quota protects the cluster from what runs in a branch's environment. An overlay with more objects than the
quota's count is no attack, and its author would not understand why the twelfth ConfigMap is refused. Only
counts are raised; the quota's processors, memory and storage never change.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import value_at

_COUNT_PREFIX = "count/"
# https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-on-object-count
_COUNTED_WITHOUT_PREFIX = frozenset(
    {
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
        "services.loadbalancers",
        "services.nodeports",
    }
)
_KEDA_DEFAULT_MAX = 100  # https://keda.sh/docs/latest/reference/scaledobject-spec/#maxreplicacount
_PERCENT = re.compile(r"([0-9]{1,3})%")


def is_object_count(key: str) -> bool:
    """Whether a key of a quota limits the number of objects of a resource."""
    return key in _COUNTED_WITHOUT_PREFIX or key.startswith(_COUNT_PREFIX)


def with_raised_counts(quota: Manifest, required: Mapping[str, int]) -> Manifest:
    """Raise the counts of a quota to what is required.

    Args:
        quota: a ResourceQuota whose counts are whole numbers.
        required: resource → how many objects of it must be admitted.

    Returns:
        The quota with its counts raised where they are lower. A quota with `scopes` or a `scopeSelector` is
        returned unchanged: it limits certain pods, whatever the overlay holds.
    """
    if quota["spec"].get("scopes") or quota["spec"].get("scopeSelector"):
        return quota
    hard = {
        key: str(max(int(value), required.get(key.removeprefix(_COUNT_PREFIX), 0)))
        if is_object_count(key)
        else value
        for key, value in quota["spec"]["hard"].items()
    }
    return {**quota, "spec": {**quota["spec"], "hard": hard}}


def required_counts(manifests: Iterable[Manifest], *, delivered: Iterable[str] = ()) -> Mapping[str, int]:
    """Count the objects of an environment at its largest: scaled out, and in the middle of a rollout.

    Of the objects that controllers create, pods and PersistentVolumeClaims are counted; ReplicaSets and the
    Jobs of CronJobs are not.

    Args:
        manifests: all objects that are applied.
        delivered: names of Secrets that the program writes besides.

    Returns:
        Resource as a quota names it (`pods`, `deployments.apps`) → the number of objects.
    """
    objects = tuple(manifests)
    counts = Counter(_resource(each) for each in objects)
    counts["configmaps"] += 1  # kube-root-ca.crt
    counts["serviceaccounts"] += 1  # default
    secrets = {each["metadata"]["name"] for each in objects if each["kind"] == "Secret"}
    counts["secrets"] = len(secrets | set(delivered) | set(_synced_secrets(objects)))
    max_replicas = dict(_scaler_maximums(objects))
    for each in objects:
        pods = _max_pods(each, max_replicas.get((each["kind"], each["metadata"]["name"]), 0))
        counts["pods"] += pods if each["kind"] != "Pod" else 0  # Pods are counted above
        counts["persistentvolumeclaims"] += pods * _claims_per_pod(each)
    return counts


def _resource(manifest: Manifest) -> str:
    """The resource of a kind, by the rule that Kubernetes' own plurals follow: `networkpolicies.…`."""
    name, group = manifest["kind"].lower(), str(manifest["apiVersion"]).rpartition("/")[0]
    if name.endswith(("s", "x", "ch", "sh")):
        plural = f"{name}es"
    elif name.endswith("y") and not name.endswith("ay"):
        plural = f"{name[:-1]}ies"
    else:
        plural = f"{name}s"
    return f"{plural}.{group}" if group else plural


def _synced_secrets(manifests: Iterable[Manifest]) -> Iterator[str]:
    """The names of the Secrets that the CSI driver syncs to."""
    for each in manifests:
        if each["kind"] == "SecretProviderClass":
            for item in _items(value_at(each, "spec", "secretObjects")):
                if isinstance(name := value_at(item, "secretName"), str):
                    yield name


def _scaler_maximums(manifests: Iterable[Manifest]) -> Iterator[tuple[tuple[str, str], int]]:
    """Kind and name of a workload → the highest number of replicas that its scaler may set."""
    for each in manifests:
        if each["kind"] == "HorizontalPodAutoscaler":
            maximum = _count(value_at(each, "spec", "maxReplicas"), 1)
        elif each["kind"] == "ScaledObject":
            maximum = _count(value_at(each, "spec", "maxReplicaCount"), _KEDA_DEFAULT_MAX)
        else:
            continue
        target = value_at(each, "spec", "scaleTargetRef")
        yield (str(value_at(target, "kind") or "Deployment"), str(value_at(target, "name"))), maximum


def _max_pods(manifest: Manifest, scaler_maximum: int) -> int:
    replicas = max(_count(value_at(manifest, "spec", "replicas"), 1), scaler_maximum)
    match manifest["kind"]:
        case "Pod":
            return 1
        case "Deployment":
            return replicas + _surge(manifest, replicas)
        case "StatefulSet" | "ReplicaSet":
            return replicas
        case "Job":
            return _count(value_at(manifest, "spec", "parallelism"), 1)
        case "CronJob":
            return _count(value_at(manifest, "spec", "jobTemplate", "spec", "parallelism"), 1)
        case "ScaledJob":
            return _count(value_at(manifest, "spec", "maxReplicaCount"), _KEDA_DEFAULT_MAX)
        case _:
            return 0


def _surge(deployment: Manifest, replicas: int) -> int:
    """The pods that a rollout may add. A percentage is rounded up; the default is 25%."""
    if value_at(deployment, "spec", "strategy", "type") == "Recreate":
        return 0
    max_surge = value_at(deployment, "spec", "strategy", "rollingUpdate", "maxSurge")
    percent = _PERCENT.fullmatch("25%" if max_surge is None else str(max_surge))
    return math.ceil(replicas * int(percent[1]) / 100) if percent else _count(max_surge, 1)


def _claims_per_pod(manifest: Manifest) -> int:
    """The PersistentVolumeClaims that are created for each pod."""
    job = ("jobTemplate", "spec") if manifest["kind"] == "CronJob" else ()
    volumes = _items(value_at(manifest, "spec", *job, "template", "spec", "volumes"))
    ephemeral = sum(1 for volume in volumes if value_at(volume, "ephemeral") is not None)
    return len(_items(value_at(manifest, "spec", "volumeClaimTemplates"))) + ephemeral


# `check_objects` has refused what is dangerous. A value of the wrong type counts as the default here, because
# the API server will refuse its object.


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: Any, default: int) -> int:
    valid = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if valid else default
