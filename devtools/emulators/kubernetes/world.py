"""What the controllers share: their settings, the objects they own, and how they write a status."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from devtools.emulators.kubernetes.kinds import NAMESPACE, Kind
from devtools.emulators.kubernetes.store import Object, Store

Condition = tuple[str, str, str, str]  # type, status, reason, message


@dataclass(frozen=True, kw_only=True)
class SimulatorSettings:
    """How long the simulated operations take, and which of them fail.

    Attributes:
        ready_seconds: time from a pod's creation until it is ready; None means never.
        node_ready_seconds: time from a node's creation until it is ready; None means never.
        termination_seconds: the least time for which a deleted namespace still exists.
        unpullable_images: images that cannot be pulled, as globs.
        dead_apis: APIs that an APIService names and that no server serves, as `group/version`. While there is
            one, no namespace can be confirmed to be empty, so none is removed.
        undeletable: resources, such as `secrets`, whose objects an admission policy does not let anyone
            delete.
    """

    ready_seconds: float | None = 0.3
    node_ready_seconds: float | None = 0.0
    termination_seconds: float = 0.2
    unpullable_images: tuple[str, ...] = ()
    dead_apis: tuple[str, ...] = ()
    undeletable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class World:
    """The state that the controllers share.

    Attributes:
        store: the objects.
        settings: how the controllers behave.
        since: the start time of each operation that takes time, by the uid of its object.
        nodes: every node that has ever existed. While this is empty, pods run without a node.
    """

    store: Store
    settings: SimulatorSettings
    since: dict[str, datetime] = field(default_factory=dict)
    nodes: set[str] = field(default_factory=set)

    def copy(self) -> "World":
        """Return a copy that later changes to `since` and `nodes` do not affect."""
        return replace(self, since=dict(self.since), nodes=set(self.nodes))


def dependents(world: World, namespace: str, uid: str) -> list[tuple[Kind, Object]]:
    """Return the objects in a namespace that name the given object as an owner."""
    return [
        (kind, found)
        for kind, found in world.store.contents(namespace)
        if any(owner["uid"] == uid for owner in found["metadata"].get("ownerReferences", ()))
    ]


def controlled(world: World, kind: Kind, owner: Object) -> list[Object]:
    """Return the objects of a kind that the given object owns, sorted by name."""
    uid = owner["metadata"]["uid"]
    return [
        found
        for found in world.store.objects(kind, owner["metadata"]["namespace"])
        if any(one["uid"] == uid for one in found["metadata"].get("ownerReferences", ()))
    ]


def make(
    world: World,
    kind: Kind,
    name: str,
    content: Object,
    *,
    owner: tuple[Kind, Object],
    labels: dict[str, str],
) -> Object | None:
    """Create an object with an owner; return None if their namespace is missing or terminating.

    Args:
        world: the state of the controllers.
        kind: the kind of the new object.
        name: its name.
        content: its fields, except for the kind, the API version and the metadata.
        owner: the owner's kind and the owner.
        labels: its labels.

    Returns:
        The stored object, or None.
    """
    of, owning = owner[0], owner[1]["metadata"]
    home = world.store.find(NAMESPACE, "", owning["namespace"])
    if home is None or "deletionTimestamp" in home["metadata"]:
        return None
    reference = {
        "apiVersion": of.api_version,
        "kind": of.name,
        "name": owning["name"],
        "uid": owning["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {
        "name": name,
        "namespace": owning["namespace"],
        "uid": str(uuid.uuid4()),
        "generation": 1,
        "creationTimestamp": world.store.now(),
        "labels": labels,
        "ownerReferences": [reference],
    }
    new = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata} | content
    return world.store.save(kind, new)


def with_status(world: World, kind: Kind, live: Object, status: Object) -> Object:
    """Store an object's status if it has changed, and return the object as stored.

    Args:
        world: the state of the controllers.
        kind: the object's kind.
        live: the stored object.
        status: its new status.

    Returns:
        The object as stored now.
    """
    if live.get("status") == status:
        return live
    return world.store.save(kind, live | {"status": status})


def conditions(live: Object, told: Iterable[Condition], *, now: str) -> list[dict[str, str]]:
    """Return conditions in the form of a status.

    `lastTransitionTime` is the time when the condition's status last changed.

    Args:
        live: the stored object, with its previous conditions.
        told: the current conditions.
        now: the current time, RFC 3339.

    Returns:
        The conditions for the object's status.
    """
    before = {one["type"]: one for one in live.get("status", {}).get("conditions", ())}
    listed = []
    for type_, status, reason, message in told:
        old = before.get(type_, {})
        since = old["lastTransitionTime"] if old.get("status") == status else now
        texts = {"reason": reason, "message": message} if reason else {}
        listed.append({"type": type_, "status": status, "lastTransitionTime": since} | texts)
    return listed


def template_hash(template: Any) -> str:
    """Return a hash that distinguishes the versions of a pod template."""
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
