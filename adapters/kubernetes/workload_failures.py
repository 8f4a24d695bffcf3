"""Why workloads are not ready, from conditions and events.

The status of a workload has counts alone. The reason is in a condition of the Deployment if its pods cannot
be created, in the pod's status if it has no node or a container does not start, and otherwise in events.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from coppice.components.rollout import Trouble, Workload

_SHOWN = 300  # characters of a message
_MOST = 5  # events: the last of each object and reason
_WAITING = {
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}


def of_workload(kind: str, document: Mapping[str, Any]) -> Iterator[Trouble]:
    """Read from a workload's conditions that its pods cannot be created.

    Args:
        kind: its kind.
        document: the workload.

    Yields:
        Each trouble.
    """
    for each in (document.get("status") or {}).get("conditions") or ():
        if each["type"] == "ReplicaFailure" and each["status"] == "True":
            yield _trouble(f"{kind}/{document['metadata']['name']}", each)


def of_pod(pod: Mapping[str, Any]) -> Iterator[Trouble]:
    """Read from a pod's status that it cannot be scheduled, or that a container does not start.

    Args:
        pod: the pod.

    Yields:
        Each trouble.
    """
    name, status = f"Pod/{pod['metadata']['name']}", pod.get("status") or {}
    for each in status.get("conditions") or ():
        if each["type"] == "PodScheduled" and each["status"] == "False":
            yield _trouble(name, each)
    for each in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _WAITING:
            parts = [
                f"container {each.get('name', '')} of {each.get('image', '')}",
                waiting.get("message", ""),
            ]
            ended = (each.get("lastState") or {}).get("terminated") or {}
            if ended:
                parts.append(f"it ended as {ended.get('reason', '')}, exit code {ended.get('exitCode', '')}")
                parts.append(ended.get("message", ""))
            yield Trouble(what=name, reason=waiting["reason"], message=_short("; ".join(filter(None, parts))))


def unexplained(workloads: Iterable[Workload], troubles: Sequence[Trouble]) -> tuple[Workload, ...]:
    """Find the workloads that are not ready without a known reason.

    Args:
        workloads: all of them.
        troubles: the known reasons.

    Returns:
        Those workloads.
    """
    return tuple(
        each
        for each in workloads
        if not each.ready
        and each.observed_generation >= each.generation
        and not any(_belongs(trouble.what, each) for trouble in troubles)
    )


def of_events(
    events: Iterable[Mapping[str, Any]], workloads: Sequence[Workload], pods: Iterable[Mapping[str, Any]]
) -> tuple[Trouble, ...]:
    """Read the latest warnings about the objects of some workloads.

    Args:
        events: the warnings of the namespace.
        workloads: the workloads that are not ready.
        pods: the pods that exist; events about others are history.

    Returns:
        The last trouble of each object and reason; five at the most.
    """
    existing = {pod["metadata"]["name"] for pod in pods}
    last: dict[tuple[str, str], tuple[str, Trouble]] = {}
    for event in events:
        about = event.get("involvedObject") or {}
        kind, name = about.get("kind", ""), about.get("name", "")
        what = f"{kind}/{name}"
        if not any(_belongs(what, each) for each in workloads) or (kind == "Pod" and name not in existing):
            continue
        at, key = _time(event), (what, event.get("reason", ""))
        if key not in last or last[key][0] <= at:
            last[key] = at, _trouble(what, event)
    latest = sorted(last.values(), key=lambda each: each[0], reverse=True)
    return tuple(trouble for _, trouble in latest[:_MOST])


def _belongs(what: str, workload: Workload) -> bool:
    """Whether an object is the workload, or has the name of an object that is made for it."""
    kind, _, name = what.partition("/")
    if name == workload.ref.name:
        return kind == workload.ref.kind
    of_its_own = kind in {"Pod", "ReplicaSet"} and name.startswith(f"{workload.ref.name}-")
    return of_its_own or (kind == "PersistentVolumeClaim" and f"-{workload.ref.name}-" in name)


def _time(event: Mapping[str, Any]) -> str:
    """When an event was last seen; as text, for such times sort as text."""
    series = (event.get("series") or {}).get("lastObservedTime")
    created = (event.get("metadata") or {}).get("creationTimestamp")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or created or "")


def _trouble(what: str, source: Mapping[str, Any]) -> Trouble:
    return Trouble(what=what, reason=source.get("reason", ""), message=_short(source.get("message", "")))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}…"
