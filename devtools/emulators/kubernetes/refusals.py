"""How controllers report pods that they could not create: in a condition and in an event."""

import uuid
from typing import Any

from devtools.emulators.kubernetes.kinds import EVENT, Kind
from devtools.emulators.kubernetes.status import ApiError
from devtools.emulators.kubernetes.store import Object
from devtools.emulators.kubernetes.world import World, conditions


def told(world: World, live: Object, refused: ApiError) -> list[dict[str, str]]:
    """Return the conditions of a ReplicaSet whose pod was refused.

    Each attempt is for a pod with another name. The condition keeps the name of the first one.
    """
    before = live.get("status", {}).get("conditions", [])
    if before and _nameless(before[0]["message"]) == _nameless(str(refused)):
        return list(before)
    failure = ("ReplicaFailure", "True", "FailedCreate", str(refused))
    return conditions(live, [failure], now=world.store.now())


def warn(world: World, owner: tuple[Kind, Object], message: str) -> None:
    """Record a warning event for a refusal, unless the last event has the same message."""
    kind, metadata = owner[0], owner[1]["metadata"]
    name, namespace = f"{metadata['name']}.{metadata['uid'][:8]}", metadata["namespace"]
    stands = world.store.find(EVENT, namespace, name)
    if stands is not None and _nameless(stands["message"]) == _nameless(message):
        return
    now = world.store.now()
    about: dict[str, Any] = {"kind": kind.name, "apiVersion": kind.api_version, "namespace": namespace}
    about |= {"name": metadata["name"], "uid": metadata["uid"]}
    event = {
        "kind": EVENT.name,
        "apiVersion": EVENT.api_version,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": now,
        },
        "involvedObject": about,
        "reason": "FailedCreate",
        "message": message,
        "type": "Warning",
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
    }
    world.store.save(EVENT, event)


def _nameless(message: str) -> str:
    """Return a message without the pod name at its beginning: `pods "web-x7f2a" is forbidden: …`."""
    return message.partition('" is ')[2]
