"""Deployments, ReplicaSets, StatefulSets and Jobs, as their controllers move them on.

A rollout here is simpler than a real one: all new pods start at once, and all old ones go when those are
ready. What is seen of it, counts, conditions, owners and labels, is as in a real one.
"""

import uuid

from devtools.emulators.kubernetes import refusals
from devtools.emulators.kubernetes.kinds import DEPLOYMENT, JOB, POD, REPLICA_SET, STATEFUL_SET
from devtools.emulators.kubernetes.pods import is_ready, make_pod
from devtools.emulators.kubernetes.status import ApiError
from devtools.emulators.kubernetes.store import Object
from devtools.emulators.kubernetes.world import (
    Condition,
    World,
    conditions,
    controlled,
    make,
    template_hash,
    with_status,
)


def deployment(world: World, live: Object) -> bool:
    """Keep one ReplicaSet for the current template, and scale the others down once it is ready."""
    spec, name = live["spec"], live["metadata"]["name"]
    wanted = spec["replicas"]
    current_name = f"{name}-{template_hash(spec['template'])}"
    sets = {found["metadata"]["name"]: found for found in controlled(world, REPLICA_SET, live)}
    if current_name not in sets:
        made = _replica_set(world, live, current_name)
        if made is None:
            return False
        sets[current_name] = made
    now = sets[current_name].get("status", {})
    ready = now.get("readyReplicas", 0)
    # If new pods are refused, old ones make room for them: up to a quarter may be missing, rounded down.
    left = max(0, wanted - ready - wanted // 4) if now.get("conditions") else wanted
    for set_name, found in sets.items():
        replicas = wanted if set_name == current_name else (0 if ready >= wanted else left)
        stated = found["spec"]["replicas"]
        if stated > replicas or (set_name == current_name and stated != replicas):
            sets[set_name] = _scaled(world, found, replicas)
    live = _numbered(world, live, len(sets))
    counts = [found.get("status", {}) for found in sets.values()]
    running = sum(count.get("replicas", 0) for count in counts)
    available = sum(count.get("availableReplicas", 0) for count in counts)
    updated = sets[current_name].get("status", {}).get("replicas", 0)
    state: Object = {
        "observedGeneration": live["metadata"]["generation"],
        "replicas": running,
        "updatedReplicas": updated,
        "readyReplicas": available,
        "availableReplicas": available,
        "unavailableReplicas": max(max(running, wanted) - available, 0),
    }
    complete = updated == wanted == running == available
    told = _deployment_conditions(
        current_name, available=available >= wanted - wanted // 4, complete=complete
    )
    failing = [one for found in sets.values() for one in found.get("status", {}).get("conditions", ())]
    told += [(one["type"], one["status"], one["reason"], one["message"]) for one in failing[:1]]
    shown = {key: count for key, count in state.items() if count}
    shown["conditions"] = conditions(live, told, now=world.store.now())
    with_status(world, DEPLOYMENT, live, shown)
    return False


def _replica_set(world: World, owner: Object, name: str) -> Object | None:
    template = owner["spec"]["template"]
    mark = {"pod-template-hash": name.rpartition("-")[2]}
    metadata = template.get("metadata", {})
    labels = metadata.get("labels", {}) | mark
    selector = {"matchLabels": owner["spec"].get("selector", {}).get("matchLabels", {}) | mark}
    content = {
        "spec": {
            "replicas": owner["spec"]["replicas"],
            "selector": selector,
            "template": template | {"metadata": metadata | {"labels": labels}},
        }
    }
    return make(world, REPLICA_SET, name, content, owner=(DEPLOYMENT, owner), labels=labels)


def _numbered(world: World, live: Object, revision: int) -> Object:
    """Annotate a Deployment with the revision of its rollout; no field manager applies this field."""
    metadata = live["metadata"]
    mark = {"deployment.kubernetes.io/revision": str(revision)}
    annotations = metadata.get("annotations", {}) | mark
    if annotations == metadata.get("annotations"):
        return live
    return world.store.save(DEPLOYMENT, live | {"metadata": metadata | {"annotations": annotations}})


def _scaled(world: World, live: Object, replicas: int) -> Object:
    metadata = live["metadata"] | {"generation": live["metadata"]["generation"] + 1}
    return world.store.save(
        REPLICA_SET, live | {"metadata": metadata, "spec": live["spec"] | {"replicas": replicas}}
    )


def _deployment_conditions(current: str, *, available: bool, complete: bool) -> list[Condition]:
    return [
        ("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        if available
        else (
            *("Available", "False", "MinimumReplicasUnavailable"),
            "Deployment does not have minimum availability.",
        ),
        (
            *("Progressing", "True", "NewReplicaSetAvailable"),
            f'ReplicaSet "{current}" has successfully progressed.',
        )
        if complete
        else ("Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{current}" is progressing.'),
    ]


def replica_set(world: World, live: Object) -> bool:
    """Keep the desired number of pods."""
    name, wanted = live["metadata"]["name"], live["spec"]["replicas"]
    pods = controlled(world, POD, live)
    for surplus in pods[wanted:]:
        world.store.drop(POD, surplus)
    pods = pods[:wanted]
    failing: list[dict[str, str]] = []
    while len(pods) < wanted:
        pod = f"{name}-{uuid.uuid4().hex[:5]}"
        try:
            made = make_pod(world, (REPLICA_SET, live), pod, {})
        except ApiError as refused:
            failing = refusals.told(world, live, refused)
            refusals.warn(world, (REPLICA_SET, live), f"Error creating: {refused}")
            break
        if made is None:
            break
        pods.append(made)
    ready = sum(is_ready(pod) for pod in pods)
    state: Object = {
        "observedGeneration": live["metadata"]["generation"],
        "replicas": len(pods),
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    shown = {key: n for key, n in state.items() if n or key == "replicas"}
    with_status(world, REPLICA_SET, live, shown | ({"conditions": failing} if failing else {}))
    return bool(failing)


def stateful_set(world: World, live: Object) -> bool:
    """Keep the pods `<name>-0`, `<name>-1` and so on of the current template.

    Existing pods that the update strategy allows to stay keep their template.
    """
    name, wanted = live["metadata"]["name"], live["spec"]["replicas"]
    revision = template_hash(live["spec"]["template"])
    names = [f"{name}-{ordinal}" for ordinal in range(wanted)]
    strategy = live["spec"].get("updateStrategy", {})
    partition = strategy.get("rollingUpdate", {}).get("partition", 0)
    staying = names if strategy.get("type") == "OnDelete" else names[:partition]
    waits = False
    pods = {}
    for found in controlled(world, POD, live):
        current = _revision(found) == f"{name}-{revision}"
        if found["metadata"]["name"] in (names if current else staying):
            pods[found["metadata"]["name"]] = found
        else:
            world.store.drop(POD, found)
    for ordinal, pod_name in enumerate(names):
        if pod_name not in pods:
            labels = {
                "apps.kubernetes.io/pod-index": str(ordinal),
                "controller-revision-hash": f"{name}-{revision}",
                "statefulset.kubernetes.io/pod-name": pod_name,
            }
            try:
                made = make_pod(world, (STATEFUL_SET, live), pod_name, labels)
            except ApiError as refused:
                said = f"Create Pod {pod_name} in StatefulSet {name} failed error: {refused}"
                refusals.warn(world, (STATEFUL_SET, live), said)
                waits = True
                break
            if made is not None:
                pods[pod_name] = made
    ready = sum(is_ready(pod) for pod in pods.values())
    before = live.get("status", {}).get("currentRevision", f"{name}-{revision}")
    updated = sum(_revision(pod) == f"{name}-{revision}" for pod in pods.values())
    state: Object = {
        "observedGeneration": live["metadata"]["generation"],
        "replicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": updated,
        "currentRevision": f"{name}-{revision}" if ready == updated == wanted else before,
        "updateRevision": f"{name}-{revision}",
        "collisionCount": 0,
    }
    state["currentReplicas"] = sum(_revision(pod) == state["currentRevision"] for pod in pods.values())
    kept = {"replicas", "availableReplicas", "collisionCount"}
    with_status(world, STATEFUL_SET, live, {key: n for key, n in state.items() if n or key in kept})
    return waits


def _revision(pod: Object) -> str:
    return str(pod["metadata"]["labels"]["controller-revision-hash"])


def job(world: World, live: Object) -> bool:
    """Run the pods of a job once."""
    state, name = live.get("status", {}), live["metadata"]["name"]
    if live["spec"].get("suspend") or "completionTime" in state:
        return False
    wanted = live["spec"].get("completions", live["spec"].get("parallelism", 1))
    pods = controlled(world, POD, live)
    while len(pods) < wanted:
        try:
            made = make_pod(world, (JOB, live), f"{name}-{uuid.uuid4().hex[:5]}", {})
        except ApiError as refused:
            refusals.warn(world, (JOB, live), f"Error creating: {refused}")
            return True
        if made is None:
            return False
        pods.append(made)
    done = sum(pod.get("status", {}).get("phase") == "Succeeded" for pod in pods)
    now = world.store.now()
    state = {"startTime": state.get("startTime", now)}
    if done:
        state["succeeded"] = done
    if done < wanted:
        state |= {"active": wanted - done}
    else:
        reached = ("True", "CompletionsReached", "Reached expected number of succeeded pods")
        told = [("SuccessCriteriaMet", *reached), ("Complete", *reached)]
        state |= {"completionTime": now, "conditions": conditions(live, told, now=now)}
    with_status(world, JOB, live, state)
    return False
