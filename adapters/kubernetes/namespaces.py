"""Namespaces: three small adapters, so that what provisions cannot delete and what deletes cannot create.

Every write notes the correlation ID, as it names the field manager: neither is part of any plan.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.kubernetes.client import Api, path
from coppice.components.namespace import Namespace
from coppice.components.removal import Owned
from coppice.reconciler.correlation import annotation
from coppice.reconciler.errors import Gone
from coppice.reconciler.times import parse_time

# What keeps a namespace, and what helps against it:
# https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/api/core/v1/types.go
_KEEPING = {
    "NamespaceDeletionDiscoveryFailure": (
        "while an API that is registered does not answer, no namespace of the cluster goes: `kubectl get "
        "apiservices` shows which is not Available; bring back what serves it, or delete that APIService"
    ),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "`kubectl api-versions` shows the group that cannot be read: delete its APIService or "
        "CustomResourceDefinition"
    ),
    "NamespaceDeletionContentFailure": (
        "the cluster refuses to delete it: mend or remove what is named there, often an admission policy or "
        "webhook"
    ),
    "NamespaceContentRemaining": "",
    "NamespaceFinalizersRemaining": (
        "the controller that a finalizer is named after takes it off; if that runs no more, take it off the "
        "object by hand"
    ),
}


class NamespaceReaderAdapter:
    """Reads namespaces."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, name: str) -> Namespace | None:
        """The namespace, or `None` if there is none."""
        try:
            return _namespace(self._api.get(_path(name)))
        except Gone:
            return None

    def all(self) -> Iterator[Namespace]:
        """Every namespace of the cluster."""
        return (_namespace(each) for each in self._api.items(_path()))


class NamespaceWriterAdapter:
    """Creates and labels namespaces."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def create(self, name: str, *, labels: Mapping[str, str], annotations: Mapping[str, str]) -> None:
        """Create a namespace; one that stands is a `Conflict`."""
        noted = {**annotations, **annotation()}
        self._api.post(_path(), _manifest({"name": name, "labels": labels, "annotations": noted}))

    def apply(
        self, namespace: Namespace, *, labels: Mapping[str, str | None], annotations: Mapping[str, str | None]
    ) -> None:
        """Set labels and annotations of the very namespace that was read; those that are `None` go.

        This is no server-side apply, by which what was set when it was created would stay.
        """
        metadata = {
            "uid": namespace.uid,
            "resourceVersion": namespace.version,
            "labels": dict(labels),
            "annotations": {**annotations, **annotation()},
        }
        self._api.merge(_path(namespace.name), {"metadata": metadata})

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        """Set annotations and leave the others."""
        self._api.merge(_path(name), {"metadata": {"annotations": {**annotations, **annotation()}}})


class NamespaceDeleterAdapter:
    """Deletes namespaces."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def delete(self, owned: Owned[Namespace]) -> None:
        """Ask the very namespace that was read to go."""
        self._api.delete(_path(owned.subject.name), uid=owned.subject.uid)


def _path(name: str = "") -> str:
    return path("v1", "namespaces", name=name)


def _manifest(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": dict(metadata)}


def _namespace(document: Mapping[str, Any]) -> Namespace:
    metadata = document["metadata"]
    created, since = metadata.get("creationTimestamp"), metadata.get("deletionTimestamp")
    conditions = (document.get("status") or {}).get("conditions") or ()
    return Namespace(
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        created=parse_time(created) if created else None,
        terminating_since=parse_time(since) if since else None,
        remaining=tuple(
            "; ".join(filter(None, (each.get("message", ""), _KEEPING[each["type"]])))
            for each in conditions
            if each["type"] in _KEEPING and each["status"] == "True"
        ),
    )
