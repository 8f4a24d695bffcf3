"""The world as it is compared: what is ours without what differs each time, what is others' to the byte."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from devtools.emulators.arm.resources import key
from tests.chaos.faults.operations import OURS
from tests.chaos.faults.world import QUEUES, World

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_PASSING = {"uid", "resourceVersion", "creationTimestamp", "generation", "time"}
_CONTROLLERS = {"pods", "replicasets.apps"}  # what they make of what stands, under names of their own

Object = dict[str, Any]


def ours(world: World) -> dict[str, object]:
    """What the program is to have made, and nothing else of what it ever made."""
    cluster = {
        _reference(resource, each): _plain(each)
        for resource, each in _chosen(world, _is_ours)
        if resource not in _CONTROLLERS
    }
    credentials = sorted(
        (identity, name, each.issuer, each.subject)
        for identity, found in world.arm.credentials.items()
        for name, each in found.items()
        if any(f":{namespace}:" in each.subject for namespace in OURS)
    )
    waiting = [message.text for message in world.queues.snapshot()[QUEUES[0]].values()]
    return {
        "cluster": cluster,
        "credentials": credentials,
        "waiting": waiting,
        "databases": _databases(world),
    }


def ours_on_any_identity(world: World) -> dict[str, object]:
    """What is ours, whichever identities it was given: who cannot read the emptiest one takes another.

    An identity is named after the first credential on it: so a manifest that points at another identity than
    the one that holds its credential still differs.
    """
    text = json.dumps(_without_digests_of_identities(ours(world)), default=str)
    for number, identity in enumerate(_identities_of_ours(world)):
        known = next(each for each in world.arm.world.identities if key(each) == identity)
        for name in (f"{known.resource_group}/{known.name}", known.client_id):
            text = re.sub(re.escape(name), f"<{number}>", text, flags=re.IGNORECASE)
    created: dict[str, object] = json.loads(text)
    return created


def _without_digests_of_identities(found: dict[str, Any]) -> dict[str, Any]:
    """Without the digests of objects that name an identity, and of all of them together."""
    for each in found["cluster"].values():
        if "digests" in each.get("data", {}):
            digests = json.loads(each["data"]["digests"])
            of_identities = {name: "" for name in digests if "ServiceAccount/" in name}
            each["data"]["digests"] = json.dumps({**digests, **of_identities}, sort_keys=True)
        annotations = each["metadata"].get("annotations") or {}
        if "coppice.dev/objects" in annotations:
            annotations["coppice.dev/objects"] = "<digest>"
    return found


def _identities_of_ours(world: World) -> tuple[str, ...]:
    held = sorted(
        (each.subject, identity)
        for identity, found in world.arm.credentials.items()
        for each in found.values()
        if any(f":{namespace}:" in each.subject for namespace in OURS)
    )
    return tuple(dict.fromkeys(identity for _, identity in held))


def _databases(world: World) -> dict[str, object]:
    """Ours, and whether the login that was delivered is the one that works."""
    if world.databases is None:
        return {}
    urls = {
        secret["metadata"]["namespace"]: base64.b64decode(secret["data"]["url"]).decode()
        for secret in world.cluster().get("secrets", ())
    }
    found: dict[str, object] = {}
    for namespace in OURS:
        row = world.databases.read_rows().get(namespace.replace("-", "_"))
        if row is not None:
            passing = {"rolpassword", "role_comment"}  # with each new password
            shown = {key: str(value) for key, value in row.items() if key not in passing}
            found[namespace] = {**shown, "works": world.databases.login_works(urls.get(namespace, ""))}
    return found


def others(world: World) -> str:
    """What the program is not to touch, the neighbour's environment included, as it stands."""
    credentials = {
        identity: [
            repr(each)
            for each in found.values()
            if not any(f":{namespace}:" in each.subject for namespace in OURS)
        ]
        for identity, found in world.arm.credentials.items()
    }
    objects = [each for _, each in _chosen(world, lambda resource, each: not _is_ours(resource, each))]
    writes = [world.arm.cluster_writes, world.arm.overlapping_writes]
    rows = world.databases.read_rows() if world.databases else {}
    names = {namespace.replace("-", "_") for namespace in OURS}
    databases = [str(row) for name, row in rows.items() if name not in names]
    return json.dumps([objects, credentials, writes, world.repository.refs, databases], indent=1)


def existing_objects(world: World) -> set[str]:
    """Everything that stands, each by what tells it from one that is made anew."""
    objects = {
        f"{_reference(resource, each)} {each['metadata']['uid']}"
        for resource, each in _chosen(world, lambda *_: True)
        if resource not in _CONTROLLERS
    }
    return objects | {
        f"{identity}/{name} {each.subject}"
        for identity, found in world.arm.credentials.items()
        for name, each in found.items()
    }


def _chosen(world: World, expected: Callable[[str, Object], bool]) -> Iterable[tuple[str, Object]]:
    for resource, found in sorted(world.cluster().items()):
        for each in sorted(found, key=lambda one: json.dumps(one["metadata"], sort_keys=True)):
            if expected(resource, each) and not _is_released(resource, each):
                yield resource, each


def _reference(resource: str, each: Object) -> str:
    return f"{resource}/{each['metadata'].get('namespace', '')}/{each['metadata']['name']}"


def _is_ours(resource: str, each: Object) -> bool:
    name: str = each["metadata"]["name"]
    home: str = each["metadata"].get("namespace", "")
    if resource == "namespaces":
        return name in OURS
    if resource == "leases.coordination.k8s.io":  # an identity's lease is of whoever takes it
        return home == "coppice-system" and name != "of-a-controller"
    about = home == "coppice-system" and any(name == f"record-{ours}" for ours in OURS)
    return home in OURS or about


def _is_released(resource: str, each: Object) -> bool:
    """Whether it is the lease of a lock that nobody holds; the next sweep deletes it."""
    lock = "coppice.dev/lock" in (each["metadata"].get("annotations") or {})
    return resource == "leases.coordination.k8s.io" and lock and not each["spec"].get("holderIdentity")


def _plain(value: Any) -> Any:
    """Without what the server numbers and dates, and without a status."""
    if isinstance(value, dict):
        if value.get("kind") == "Secret":  # a password is another one each time, and so is its stamp
            value = {
                **value,
                "data": sorted(value["data"]),
                "metadata": {**value["metadata"], "annotations": {}},
            }
        return {
            key: _plain(inner)
            for key, inner in value.items()
            if key not in _PASSING and not (key == "status" and "metadata" in value)
        }
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return _TIME.sub("<time>", _UID.sub("<uid>", value)) if isinstance(value, str) else value
