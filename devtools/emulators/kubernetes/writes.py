"""Create, replace, patch and apply: what each of them checks, keeps and counts."""

import uuid
from dataclasses import dataclass

from devtools.emulators.kubernetes import admission, allowance, apply, bodies, status
from devtools.emulators.kubernetes.fields import flatten
from devtools.emulators.kubernetes.kinds import CLAIM, LEASE, NAMESPACE, NODE, Kind
from devtools.emulators.kubernetes.store import Object, Store

IN_USE = "kubernetes.io/pvc-protection"
_SYSTEM = (  # what only the server writes; what a client says about it does not count
    *("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
    *("deletionGracePeriodSeconds", "managedFields"),
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a request writes to, and who sends it.

    Attributes:
        kind: the resource.
        namespace: empty if the kind has none.
        name: empty for a create, where the body has it.
        status: whether it is the status subresource.
        manager: the field manager.
        dry_run: answer as if, and store nothing.
    """

    kind: Kind
    namespace: str
    name: str
    manager: str
    status: bool = False
    dry_run: bool = False

    def identity(self, body: Object) -> Object:
        """Return a body's metadata, completed, if it is about this very object."""
        return bodies.identity(self.namespace, self.name, body)

    def writer(self, operation: str) -> apply.Manager:
        """Return the writer as `managedFields` names it."""
        return apply.Manager(
            name=self.manager,
            operation=operation,
            api_version=self.kind.api_version,
            subresource="status" if self.status else "",
        )


def create(store: Store, target: Target, body: Object) -> Object:
    """Store a new object.

    Raises:
        ApiError: 400, 403, 404, 409, 422; 500 if the body is a copy that still has its version.
    """
    body = bodies.without_nulls(body)
    bodies.check_kind(target.kind, body)
    bodies.check_shape(target.kind, body)
    if "resourceVersion" in body.get("metadata", {}):
        raise status.ApiError(500, "resourceVersion should not be set on objects to be created")
    return _create(store, target, body, "Update")


def replace(store: Store, target: Target, body: Object) -> tuple[Object, bool]:
    """Put a body in the place of what stands; a lease is created if there is none.

    Returns:
        The object, and whether it is a new one.

    Raises:
        ApiError: 400, 404, 409 or 422.
    """
    kind, name = target.kind, target.name
    body = bodies.without_nulls(body)
    bodies.check_kind(kind, body)
    bodies.check_shape(kind, body)
    metadata = target.identity(body)
    live = store.find(kind, target.namespace, name)
    if live is None and kind != LEASE:
        raise status.not_found(kind, name)
    uid = live["metadata"]["uid"] if live is not None else ""
    if metadata.get("uid", uid) != uid:
        raise status.other_uid(kind, name, metadata["uid"], uid)
    if live is None:
        return _create(store, target, body, "Update"), True
    if "resourceVersion" not in metadata and (kind.custom or kind == LEASE):
        raise status.version_required(kind, name)
    return _update(store, target, live, body | {"metadata": metadata}), False


def merge_patch(store: Store, target: Target, patch: Object) -> Object:
    """Change what stands by a JSON merge patch (RFC 7386).

    Raises:
        ApiError: 400, 404, 409 or 422.
    """
    live = store.get(target.kind, target.namespace, target.name)
    body = bodies.merged(live, patch)
    bodies.check_shape(target.kind, body)
    return _update(store, target, live, body | {"metadata": target.identity(body)})


def server_side_apply(store: Store, target: Target, body: Object, *, force: bool) -> tuple[Object, bool]:
    """Apply a configuration.

    Returns:
        The object, and whether it is a new one.

    Raises:
        ApiError: 400, 403, 404, 409 or 422.
    """
    kind, name = target.kind, target.name
    body = bodies.without_nulls(body)
    bodies.check_applied(kind, body)
    applied = body | {"metadata": target.identity(body)}
    wanted_version = applied["metadata"].pop("resourceVersion", None)
    if target.status:
        applied = {"metadata": {}, "status": applied.get("status", {})}
    elif kind.status:
        applied.pop("status", None)
    live = store.find(kind, target.namespace, name)
    if live is None:
        if target.status:
            raise status.not_found(kind, name)
        if "uid" in applied["metadata"]:
            raise status.uid_of_nothing(kind, name, applied["metadata"]["uid"])
        return _create(store, target, applied, "Apply"), True
    if wanted_version not in {None, live["metadata"]["resourceVersion"]}:
        raise status.modified(kind, name)
    try:
        merged = apply.apply(live, applied, target.writer("Apply"), force=force, now=store.now())
    except apply.FieldsConflict as conflict:
        raise status.apply_conflict(str(conflict), conflict.causes()) from None
    if merged is live:
        return live, False
    new = _successor(target, live, merged)
    new["metadata"]["managedFields"] = merged["metadata"].get("managedFields", [])
    return _put(store, target, new, live), False


def _create(store: Store, target: Target, body: Object, operation: str) -> Object:
    """Make the new object that a body describes, unless there is no place for it."""
    kind, namespace = target.kind, target.namespace
    keeps_status = not kind.status or kind == NODE  # a kubelet registers its node with what it has to offer
    stated = {field: value for field, value in body.items() if field != "status" or keeps_status}
    metadata = stated.get("metadata", {})
    name = target.name or metadata.get("name", "")
    if kind.namespaced:
        if metadata.get("namespace", namespace) != namespace:
            raise status.other_namespace()
        home = store.find(NAMESPACE, "", namespace)
        if home is None:
            raise status.not_found(NAMESPACE, namespace)
        if "deletionTimestamp" in home["metadata"]:
            raise status.namespace_terminating(kind, name, namespace)
    if not name:
        raise status.name_required(kind)
    if store.find(kind, namespace, name) is not None:
        raise status.already_exists(kind, name)
    given = {field: value for field, value in metadata.items() if field not in _SYSTEM} | {"name": name}
    given |= {"uid": str(uuid.uuid4()), "creationTimestamp": store.now()}
    if namespace:
        given["namespace"] = namespace
    if kind.generation:
        given["generation"] = 1
    if (
        kind == CLAIM
    ):  # https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
        given["finalizers"] = [*given.get("finalizers", ()), IN_USE]
    new = {"kind": kind.name, "apiVersion": kind.api_version} | stated | {"metadata": given}
    new = admission.with_defaults(kind, new)
    admission.check(kind, new)
    new = allowance.admitted(store, kind, namespace, new)
    owned = apply.Ownership(paths=frozenset(flatten(stated)), time=store.now())
    return _put(store, target, apply.with_owners(new, {target.writer(operation): owned}))


def _update(store: Store, target: Target, live: Object, body: Object) -> Object:
    """Finish a write that is not an apply."""
    version = live["metadata"]["resourceVersion"]
    if body["metadata"].get("resourceVersion", version) != version:
        raise status.modified(target.kind, target.name)
    new = _successor(target, live, body)
    if new == live:
        return live
    return _put(store, target, apply.updated(live, new, target.writer("Update"), now=store.now()), live)


def _successor(target: Target, live: Object, new: Object) -> Object:
    """Make the next version of an object, in which a client changes only what is its to change.

    Raises:
        ApiError: 422.
    """
    kind, before = target.kind, live["metadata"]
    if new["metadata"].get("uid", before["uid"]) != before["uid"]:
        raise status.uid_immutable(kind, before["name"], new["metadata"]["uid"])
    if target.status:
        return live | {"metadata": dict(before), "status": new.get("status", {})}
    metadata = {field: value for field, value in new["metadata"].items() if field not in _SYSTEM}
    metadata |= {field: before[field] for field in _SYSTEM if field in before}
    new = {"kind": kind.name, "apiVersion": kind.api_version} | new | {"metadata": metadata}
    if kind.status:
        new.pop("status", None)
        new |= {"status": live["status"]} if "status" in live else {}
    new = admission.with_defaults(kind, new)
    admission.check(kind, new)
    admission.check_update(kind, live, new)
    if kind.generation and _intent(new) != _intent(live):
        new["metadata"]["generation"] += 1
    return new


def _intent(document: Object) -> Object:
    return {field: value for field, value in document.items() if field not in {"metadata", "status"}}


def _put(store: Store, target: Target, new: Object, live: Object | None = None) -> Object:
    """Store a version, or let the object go if this write took the last thing that held it."""
    if target.dry_run:
        return new
    if live is not None and target.kind != NAMESPACE:  # the controllers delete those
        held = live["metadata"].get("finalizers") and not new["metadata"].get("finalizers")
        if held and "deletionTimestamp" in live["metadata"]:
            store.drop(target.kind, live)
            return new
    return store.save(target.kind, new)
