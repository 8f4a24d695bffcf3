"""Create, replace, patch and apply: what each of them checks, keeps and counts."""

import uuid
from dataclasses import dataclass

from devtools.emulators.kubernetes import admission, allowance, apply, bodies, status
from devtools.emulators.kubernetes.fields import flatten
from devtools.emulators.kubernetes.kinds import CLAIM, LEASE, NAMESPACE, NODE, Kind
from devtools.emulators.kubernetes.store import Object, Store

IN_USE = "kubernetes.io/pvc-protection"
_SYSTEM = (  # fields that only the server sets; values that a client sends are ignored
    *("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
    *("deletionGracePeriodSeconds", "managedFields"),
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The object that a request writes to, and the writer.

    Attributes:
        kind: the resource.
        namespace: the namespace; empty for a cluster-scoped kind.
        name: the name; empty for a create, whose body contains it.
        status: whether the request is for the status subresource.
        manager: the field manager.
        dry_run: return the result without storing it.
    """

    kind: Kind
    namespace: str
    name: str
    manager: str
    status: bool = False
    dry_run: bool = False

    def identity(self, body: Object) -> Object:
        """Return a body's metadata with name and namespace, after a check that it matches the target."""
        return bodies.identity(self.namespace, self.name, body)

    def writer(self, operation: str) -> apply.Manager:
        """Return the manager that `managedFields` records as the writer."""
        return apply.Manager(
            name=self.manager,
            operation=operation,
            api_version=self.kind.api_version,
            subresource="status" if self.status else "",
        )


def create(store: Store, target: Target, body: Object) -> Object:
    """Create an object.

    Args:
        store: the objects.
        target: the resource and the writer.
        body: the request's body.

    Returns:
        The new object.

    Raises:
        ApiError: 400, 403, 404, 409 or 422; 500 if the body has a resource version.
    """
    body = bodies.without_nulls(body)
    bodies.check_kind(target.kind, body)
    bodies.check_shape(target.kind, body)
    if "resourceVersion" in body.get("metadata", {}):
        raise status.ApiError(500, "resourceVersion should not be set on objects to be created")
    return _create(store, target, body, "Update")


def replace(store: Store, target: Target, body: Object) -> tuple[Object, bool]:
    """Replace an object; a lease is created if it does not exist.

    Args:
        store: the objects.
        target: the object and the writer.
        body: the request's body.

    Returns:
        The object, and whether it was created.

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
    """Change an object by a JSON merge patch (RFC 7386).

    Args:
        store: the objects.
        target: the object and the writer.
        patch: the merge patch.

    Returns:
        The changed object.

    Raises:
        ApiError: 400, 404, 409 or 422.
    """
    live = store.get(target.kind, target.namespace, target.name)
    body = bodies.merged(live, patch)
    bodies.check_shape(target.kind, body)
    return _update(store, target, live, body | {"metadata": target.identity(body)})


def server_side_apply(store: Store, target: Target, body: Object, *, force: bool) -> tuple[Object, bool]:
    """Apply a configuration with server-side apply.

    Args:
        store: the objects.
        target: the object and the writer.
        body: the configuration.
        force: take over fields that other managers own.

    Returns:
        The object, and whether it was created.

    Raises:
        ApiError: 400, 403, 404, 409 or 422, and 500 if a field has the wrong type.
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
    """Create the object that a body describes, if its namespace allows that."""
    kind, namespace = target.kind, target.namespace
    keeps_status = not kind.status or kind == NODE  # a kubelet registers its node with the capacity
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
    """Complete a write that is not an apply."""
    version = live["metadata"]["resourceVersion"]
    if body["metadata"].get("resourceVersion", version) != version:
        raise status.modified(target.kind, target.name)
    new = _successor(target, live, body)
    if new == live:
        return live
    return _put(store, target, apply.updated(live, new, target.writer("Update"), now=store.now()), live)


def _successor(target: Target, live: Object, new: Object) -> Object:
    """Return the next version of an object; fields that a client may not change keep their values.

    Raises:
        ApiError: 422, the new version is not valid.
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
    """Store a version of an object.

    If the write removed the last finalizer of a deleted object, the object is removed instead.
    """
    if target.dry_run:
        return new
    if live is not None and target.kind != NAMESPACE:  # the controllers remove namespaces
        held = live["metadata"].get("finalizers") and not new["metadata"].get("finalizers")
        if held and "deletionTimestamp" in live["metadata"]:
            store.drop(target.kind, live)
            return new
    return store.save(target.kind, new)
