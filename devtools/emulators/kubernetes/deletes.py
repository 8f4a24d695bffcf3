"""Delete: its checks, and the objects that are only marked because something has to happen first."""

from devtools.emulators.kubernetes import status
from devtools.emulators.kubernetes.kinds import JOB, NAMESPACE, POD, Kind
from devtools.emulators.kubernetes.store import Object, Store
from devtools.emulators.kubernetes.writes import Target

_PROTECTED_NAMESPACES = {"default", "kube-public", "kube-system"}
_RETURNED = {"PersistentVolumeClaim", "ResourceQuota", "Service", "ServiceAccount"}
_POLICY_FINALIZERS = {"Foreground": ["foregroundDeletion"], "Orphan": ["orphan"]}


def delete(store: Store, target: Target, options: Object) -> Object:
    """Remove an object, or mark it if finalizers, containers or contents have to be removed first.

    Args:
        store: the store that holds the object.
        target: the object.
        options: `DeleteOptions`.

    Returns:
        The marked object; for some kinds the object as it was; otherwise the `Status` of a success.

    Raises:
        ApiError: 403, 404 or 409.
    """
    kind, name = target.kind, target.name
    live = store.get(kind, target.namespace, name)
    metadata = live["metadata"]
    _check_preconditions(kind, metadata, options.get("preconditions", {}))
    if kind == NAMESPACE and name in _PROTECTED_NAMESPACES:
        raise status.forbidden(kind, name, "this namespace may not be deleted")
    policy = options.get("propagationPolicy", "Orphan" if kind == JOB else "Background")
    finalizers = [*metadata.get("finalizers", ()), *_POLICY_FINALIZERS.get(policy, ())]
    if not finalizers and kind not in {NAMESPACE, POD}:
        if not target.dry_run:
            store.drop(kind, live)
        return live if kind.name in _RETURNED else status.success(kind, name, metadata["uid"])
    if "deletionTimestamp" in metadata:
        return live
    marked = _marked(kind, live, finalizers, now=store.now())
    return marked if target.dry_run else store.save(kind, marked)


def _marked(kind: Kind, live: Object, finalizers: list[str], *, now: str) -> Object:
    mark: Object = {"deletionTimestamp": now}
    if kind == NAMESPACE:
        return live | {
            "metadata": live["metadata"] | mark,
            "status": live["status"] | {"phase": "Terminating"},
        }
    mark["deletionGracePeriodSeconds"] = 30 if kind == POD else 0
    if finalizers:
        mark["finalizers"] = finalizers
    if "generation" in live["metadata"]:
        mark["generation"] = live["metadata"]["generation"] + 1
    return live | {"metadata": live["metadata"] | mark}


def _check_preconditions(kind: Kind, metadata: Object, wanted: Object) -> None:
    """Check that the object and its version are those of the preconditions."""
    for field, shown, happened in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        value = wanted.get(field, metadata[field])
        if value != metadata[field]:
            why = (
                f"the {shown} in the precondition ({value}) does not match the {shown} in record "
                f"({metadata[field]}). The object might have been {happened}"
            )
            raise status.precondition_failed(kind, metadata["name"], why)
