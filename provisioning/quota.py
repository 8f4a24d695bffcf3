"""How many objects an environment's quota has to admit: what its overlay holds, and what comes along with it.

A quota guards the cluster against what a branch does. That its own overlay does not fit is no attack, and a
developer could not tell why the twelfth ConfigMap is refused. What is scarce (processors, memory, storage) is
never given by an overlay to itself.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from coppice.components.application import Manifest

_COUNT = "count/"
# https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-on-object-count
_PLAIN = frozenset(
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
_KEDA_MOST = 100  # https://keda.sh/docs/latest/reference/scaledobject-spec/#maxreplicacount
_PERCENT = re.compile(r"([0-9]{1,3})%")


def counts(key: str) -> bool:
    """Whether a key of a quota limits a number of objects."""
    return key in _PLAIN or key.startswith(_COUNT)


def with_room(quota: Manifest, needed: Mapping[str, int]) -> Manifest:
    """Raise a quota's counts to what is needed.

    Args:
        quota: a ResourceQuota whose counts are whole numbers.
        needed: the least that each resource is to be admitted.

    Returns:
        The quota, its counts as they are or higher, and all else unchanged. One that is about some pods
        alone (`scopes`, `scopeSelector`) says how many of these there may be, whatever an overlay holds.
    """
    if quota["spec"].get("scopes") or quota["spec"].get("scopeSelector"):
        return quota
    hard = {
        key: str(max(int(value), needed.get(key.removeprefix(_COUNT), 0))) if counts(key) else value
        for key, value in quota["spec"]["hard"].items()
    }
    return {**quota, "spec": {**quota["spec"], "hard": hard}}


def needs(manifests: Iterable[Manifest], *, delivered: Iterable[str] = ()) -> Mapping[str, int]:
    """Count what an environment will hold at its largest: scaled out, and in the middle of a rollout.

    What controllers make of objects (ReplicaSets, a CronJob's Jobs) is not counted, but for pods and claims.

    Args:
        manifests: everything that is applied.
        delivered: names of Secrets that are put there beside.

    Returns:
        Resource as a quota names it (`pods`, `deployments.apps`) → how many.
    """
    everything = tuple(manifests)
    found = Counter(_resource(each) for each in everything)
    found["configmaps"] += 1  # kube-root-ca.crt
    found["serviceaccounts"] += 1  # default
    secrets = {each["metadata"]["name"] for each in everything if each["kind"] == "Secret"}
    found["secrets"] = len(secrets | set(delivered) | set(_synced(everything)))
    most = dict(_scaled(everything))
    for each in everything:
        pods = _pods(each, most.get((each["kind"], each["metadata"]["name"]), 0))
        found["pods"] += pods if each["kind"] != "Pod" else 0  # counted above
        found["persistentvolumeclaims"] += pods * _claims(each)
    return found


def _resource(manifest: Manifest) -> str:
    """The resource of a kind, by the rule that Kubernetes' own names follow: `networkpolicies.…`."""
    name, group = manifest["kind"].lower(), str(manifest["apiVersion"]).rpartition("/")[0]
    if name.endswith(("s", "x", "ch", "sh")):
        plural = f"{name}es"
    elif name.endswith("y") and not name.endswith("ay"):
        plural = f"{name[:-1]}ies"
    else:
        plural = f"{name}s"
    return f"{plural}.{group}" if group else plural


def _synced(manifests: Iterable[Manifest]) -> Iterator[str]:
    """The Secrets that the CSI driver writes."""
    for each in manifests:
        if each["kind"] == "SecretProviderClass":
            for item in _items(_at(each, "spec", "secretObjects")):
                if isinstance(name := _at(item, "secretName"), str):
                    yield name


def _scaled(manifests: Iterable[Manifest]) -> Iterator[tuple[tuple[str, str], int]]:
    """Workload → the most replicas that its scaler may give it."""
    for each in manifests:
        if each["kind"] == "HorizontalPodAutoscaler":
            most = _whole(_at(each, "spec", "maxReplicas"), 1)
        elif each["kind"] == "ScaledObject":
            most = _whole(_at(each, "spec", "maxReplicaCount"), _KEDA_MOST)
        else:
            continue
        target = _at(each, "spec", "scaleTargetRef")
        yield (str(_at(target, "kind") or "Deployment"), str(_at(target, "name"))), most


def _pods(manifest: Manifest, scaled: int) -> int:
    replicas = max(_whole(_at(manifest, "spec", "replicas"), 1), scaled)
    match manifest["kind"]:
        case "Pod":
            return 1
        case "Deployment":
            return replicas + _surge(manifest, replicas)
        case "StatefulSet" | "ReplicaSet":
            return replicas
        case "Job":
            return _whole(_at(manifest, "spec", "parallelism"), 1)
        case "CronJob":
            return _whole(_at(manifest, "spec", "jobTemplate", "spec", "parallelism"), 1)
        case "ScaledJob":
            return _whole(_at(manifest, "spec", "maxReplicaCount"), _KEDA_MOST)
        case _:
            return 0


def _surge(deployment: Manifest, replicas: int) -> int:
    """The pods that a rollout may add; a percentage is rounded up, and 25 where nothing is said."""
    if _at(deployment, "spec", "strategy", "type") == "Recreate":
        return 0
    said = _at(deployment, "spec", "strategy", "rollingUpdate", "maxSurge")
    percent = _PERCENT.fullmatch("25%" if said is None else str(said))
    return math.ceil(replicas * int(percent[1]) / 100) if percent else _whole(said, 1)


def _claims(manifest: Manifest) -> int:
    """The claims that are made for each pod."""
    job = ("jobTemplate", "spec") if manifest["kind"] == "CronJob" else ()
    volumes = _items(_at(manifest, "spec", *job, "template", "spec", "volumes"))
    ephemeral = sum(1 for volume in volumes if _at(volume, "ephemeral") is not None)
    return len(_items(_at(manifest, "spec", "volumeClaimTemplates"))) + ephemeral


# The guard has judged what is dangerous about an overlay. That a number is one, the API server says when it
# refuses the object itself.


def _at(holder: Any, *path: str) -> Any:
    for name in path:
        holder = holder.get(name) if isinstance(holder, Mapping) else None
    return holder


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: Any, otherwise: int) -> int:
    usable = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if usable else otherwise
