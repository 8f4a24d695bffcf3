"""Nodes, as far as pods need them: they become ready, take the pods that fit, and go with them.

A pod goes to the first node that fits, by name. Room is not counted, and what a pod would merely prefer is
not asked.
"""

from datetime import timedelta

from devtools.emulators.kubernetes import selectors
from devtools.emulators.kubernetes.kinds import NODE, POD
from devtools.emulators.kubernetes.store import Object
from devtools.emulators.kubernetes.world import World, conditions, with_status

_READY = ("Ready", "True", "KubeletReady", "kubelet is posting ready status")


def node(world: World, live: Object) -> bool:
    """Mark a node as ready when its time has come; return whether it waits for time to pass."""
    metadata, after = live["metadata"], world.settings.node_ready_seconds
    world.nodes.add(metadata["name"])
    if any(one["type"] == "Ready" for one in live.get("status", {}).get("conditions", ())):
        return False
    now = world.store.clock()
    since = world.since.setdefault(metadata["uid"], now)
    if after is None or now - since < timedelta(seconds=after):
        return True
    del world.since[metadata["uid"]]
    told = conditions(live, [_READY], now=world.store.now())
    with_status(world, NODE, live, live.get("status", {}) | {"conditions": told})
    return False


def gone(world: World, name: str) -> None:
    """Remove the pods of a node that no longer exists."""
    for pod in world.store.objects(POD):
        if pod["spec"].get("nodeName") == name and name in world.nodes:
            world.store.drop(POD, pod)


def choose(world: World, pod: Object) -> str | None:
    """Return the name of the first node on which a pod may run; None if there is none."""
    return next((node["metadata"]["name"] for node in world.store.objects(NODE) if _takes(node, pod)), None)


def why_none(world: World) -> str:
    """Return a message that no node fits the pod, worded much as the scheduler words it."""
    number = len(world.store.objects(NODE))
    return f"0/{number} nodes are available." if number else "no nodes available to schedule pods"


def _takes(node: Object, pod: Object) -> bool:
    spec, labels = node.get("spec", {}), node["metadata"].get("labels", {})
    ready = any(
        one["type"] == "Ready" and one["status"] == "True"
        for one in node.get("status", {}).get("conditions", ())
    )
    taints = [taint for taint in spec.get("taints", ()) if taint["effect"] in {"NoSchedule", "NoExecute"}]
    if spec.get("unschedulable"):
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    tolerations = pod["spec"].get("tolerations", ())
    return (
        ready
        and pod["spec"].get("nodeSelector", {}).items() <= labels.items()
        and _affine(pod["spec"], labels)
        and all(any(_tolerates(one, taint) for one in tolerations) for taint in taints)
    )


def _affine(spec: Object, labels: dict[str, str]) -> bool:
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {})
    terms = required.get("nodeSelectorTerms", ())
    return not terms or any(
        selectors.of_expressions(term.get("matchExpressions", ()))(labels) for term in terms
    )


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint["key"]}
    desired: tuple[str, str] = (taint["key"], taint.get("value", ""))
    return (toleration.get("key", ""), toleration.get("value", "")) == desired
