"""Why workloads are not up, from what their objects' conditions and the events say.

A workload that is not up shows counts. What keeps it stands elsewhere: on the Deployment, if its pods are not
created; on the pod, if it has no node or its container does not start; and else in events alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from coppice.components.application import Trouble, Workload

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
    """What a workload says itself: that its pods are not created.

    Args:
        kind: its kind.
        document: the workload.
    """
    for each in (document.get("status") or {}).get("conditions") or ():
        if each["type"] == "ReplicaFailure" and each["status"] == "True":
            yield _trouble(f"{kind}/{document['metadata']['name']}", each)


def of_pod(pod: Mapping[str, Any]) -> Iterator[Trouble]:
    """What a pod says: that no node takes it, or that a container does not start.

    Args:
        pod: the pod.
    """
    name, status = f"Pod/{pod['metadata']['name']}", pod.get("status") or {}
    for each in status.get("conditions") or ():
        if each["type"] == "PodScheduled" and each["status"] == "False":
            yield _trouble(name, each)
    for each in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _WAITING:
            said = [
                f"container {each.get('name', '')} of {each.get('image', '')}",
                waiting.get("message", ""),
            ]
            ended = (each.get("lastState") or {}).get("terminated") or {}
            if ended:
                said.append(f"it ended as {ended.get('reason', '')}, exit code {ended.get('exitCode', '')}")
                said.append(ended.get("message", ""))
            yield Trouble(what=name, reason=waiting["reason"], message=_short("; ".join(filter(None, said))))


def unexplained(workloads: Iterable[Workload], troubles: Sequence[Trouble]) -> tuple[Workload, ...]:
    """The workloads that are not up, and of which no trouble is known that would say why.

    Args:
        workloads: all of them.
        troubles: what is known.
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
    """The last warning about each object that belongs to some workloads.

    Args:
        events: the namespace's warnings.
        workloads: those that are not up.
        pods: the pods that stand: what was said of others is over.
    """
    standing = {pod["metadata"]["name"] for pod in pods}
    last: dict[tuple[str, str], tuple[str, Trouble]] = {}
    for event in events:
        about = event.get("involvedObject") or {}
        kind, name = about.get("kind", ""), about.get("name", "")
        what = f"{kind}/{name}"
        if not any(_belongs(what, each) for each in workloads) or (kind == "Pod" and name not in standing):
            continue
        at, key = _time(event), (what, event.get("reason", ""))
        if key not in last or last[key][0] <= at:
            last[key] = at, _trouble(what, event)
    latest = sorted(last.values(), key=lambda each: each[0], reverse=True)
    return tuple(trouble for _, trouble in latest[:_MOST])


def _belongs(what: str, workload: Workload) -> bool:
    """Whether an object is a workload, or is called as those are that are made for it."""
    kind, _, name = what.partition("/")
    if name == workload.ref.name:
        return kind == workload.ref.kind
    of_its_own = kind in {"Pod", "ReplicaSet"} and name.startswith(f"{workload.ref.name}-")
    return of_its_own or (kind == "PersistentVolumeClaim" and f"-{workload.ref.name}-" in name)


def _time(event: Mapping[str, Any]) -> str:
    """When it was last seen; such times sort as text."""
    series = (event.get("series") or {}).get("lastObservedTime")
    created = (event.get("metadata") or {}).get("creationTimestamp")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or created or "")


def _trouble(what: str, said: Mapping[str, Any]) -> Trouble:
    return Trouble(what=what, reason=said.get("reason", ""), message=_short(said.get("message", "")))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}…"
