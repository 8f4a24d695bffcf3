"""Pods, as scheduler and kubelet move them on: a node is found or not, images are pulled or not, and
containers are ready after a while.
"""

from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from devtools.emulators.kubernetes import allowance, nodes
from devtools.emulators.kubernetes.kinds import POD, Kind
from devtools.emulators.kubernetes.store import Object
from devtools.emulators.kubernetes.world import SimulatorSettings, World, conditions, make, with_status

_NOT_READY = ("False", "ContainersNotReady", "containers are not ready")


def make_pod(world: World, owner: tuple[Kind, Object], name: str, labels: dict[str, str]) -> Object | None:
    """Create a pod from its owner's template; return None if their namespace is missing or terminating.

    Args:
        world: the state of the controllers.
        owner: the owner's kind and the owner.
        name: the pod's name.
        labels: labels that are added to those of the template.

    Returns:
        The stored pod, or None.

    Raises:
        ApiError: a LimitRange or a ResourceQuota forbids the pod.
    """
    template = owner[1]["spec"]["template"]
    labels = template.get("metadata", {}).get("labels", {}) | labels
    content = {"metadata": {"name": name}, "spec": template["spec"], "status": {"phase": "Pending"}}
    admitted = allowance.admitted(world.store, POD, owner[1]["metadata"]["namespace"], content)
    made = {field: value for field, value in admitted.items() if field != "metadata"}
    return make(world, POD, name, made, owner=owner, labels=labels)


def is_ready(pod: Object) -> bool:
    """Return whether all containers of a pod are ready."""
    told = pod["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in told)


def pod(world: World, live: Object) -> bool:
    """Advance a pod by the steps that are due; return whether it waits for time to pass."""
    metadata, settings = live["metadata"], world.settings
    if "deletionTimestamp" in metadata:
        if not metadata.get("finalizers"):
            world.store.drop(POD, live)
        return False
    if live["status"]["phase"] != "Pending":
        return False
    if world.nodes and not live["spec"].get("nodeName"):
        node = nodes.choose(world, live)
        if node is None:
            with_status(world, POD, live, _unscheduled(world, live))
            return True
        live = world.store.save(POD, live | {"spec": live["spec"] | {"nodeName": node}})
    now = world.store.clock()
    since = world.since.setdefault(metadata["uid"], now)
    due = settings.ready_seconds is not None and now - since >= timedelta(seconds=settings.ready_seconds)
    containers = [*live["spec"].get("initContainers", ()), *live["spec"]["containers"]]
    if not due or any(_unpullable(settings, container) for container in containers):
        with_status(world, POD, live, _pending(world, live))
        return True
    del world.since[metadata["uid"]]
    ends = any(owner["kind"] == "Job" for owner in metadata.get("ownerReferences", ()))
    with_status(world, POD, live, _ended(world, live) if ends else _running(world, live))
    return False


def _unscheduled(world: World, live: Object) -> Object:
    told = ("PodScheduled", "False", "Unschedulable", nodes.why_none(world))
    return {"phase": "Pending", "conditions": conditions(live, [told], now=world.store.now())}


def _unpullable(settings: SimulatorSettings, container: Object) -> bool:
    return any(fnmatchcase(container["image"], image) for image in settings.unpullable_images)


def _pending(world: World, live: Object) -> Object:
    def waiting(container: Object) -> Object:
        if not _unpullable(world.settings, container):
            return {"waiting": {"reason": "ContainerCreating"}}
        message = f'Back-off pulling image "{container["image"]}"'
        return {"waiting": {"reason": "ImagePullBackOff", "message": message}}

    states = {
        field: [_container(container, waiting(container), ready=False) for container in live["spec"][listed]]
        for listed, field in (
            ("initContainers", "initContainerStatuses"),
            ("containers", "containerStatuses"),
        )
        if listed in live["spec"]
    }
    told = [("PodScheduled", "True", "", ""), ("Ready", *_NOT_READY), ("ContainersReady", *_NOT_READY)]
    return {"phase": "Pending", "conditions": conditions(live, told, now=world.store.now())} | states


def _running(world: World, live: Object) -> Object:
    now = world.store.now()
    told = [(type_, "True", "", "") for type_ in ("PodScheduled", "Ready", "ContainersReady")]
    running = {"running": {"startedAt": now}}
    return {
        "phase": "Running",
        "conditions": conditions(live, told, now=now),
        "containerStatuses": [_container(one, running, ready=True) for one in live["spec"]["containers"]],
    }


def _ended(world: World, live: Object) -> Object:
    now = world.store.now()
    completed = ("False", "PodCompleted", "")
    told = [("PodScheduled", "True", "", ""), ("Ready", *completed), ("ContainersReady", *completed)]
    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now}}
    return {
        "phase": "Succeeded",
        "conditions": conditions(live, told, now=now),
        "containerStatuses": [_container(one, ended, ready=False) for one in live["spec"]["containers"]],
    }


def _container(container: Object, state: dict[str, Any], *, ready: bool) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "ready": ready,
        "restartCount": 0,
        "state": state,
    }


def mounted(world: World, claim: Object) -> bool:
    """Return whether a pod that is scheduled and has not finished mounts a claim."""
    metadata = claim["metadata"]
    return any(
        volume.get("persistentVolumeClaim", {}).get("claimName") == metadata["name"]
        for pod in world.store.objects(POD, metadata.get("namespace", ""))
        if pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") == "Running"
        if pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}
        for volume in pod["spec"].get("volumes", ())
    )
