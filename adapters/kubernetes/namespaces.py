"""Namespaces. There are three adapters, so that what provisions cannot delete, and the other way round.

Every write notes the correlation ID, as it names the field manager: neither is part of any plan.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from coppice.components.namespace import Namespace
from coppice.components.removal import Owned
from coppice.reconciler.correlation import annotation
from coppice.reconciler.errors import Gone
from coppice.reconciler.times import parse_time

# Conditions of a namespace that is not deleted yet, and what helps:
# https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/api/core/v1/types.go
_DELETION_CONDITIONS = {
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
    """Reads namespaces.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, name: str) -> Namespace | None:
        """Read a namespace.

        Args:
            name: its name.

        Returns:
            The namespace, or `None` if there is none.

        Raises:
            Failure: the server refused, or did not answer.
        """
        try:
            return _namespace(self._api.get(_path(name)))
        except Gone:
            return None

    def all(self) -> Iterator[Namespace]:
        """List all namespaces.

        Returns:
            Every namespace of the cluster, page by page.
        """
        return (_namespace(each) for each in self._api.items(_path()))


class NamespaceWriterAdapter:
    """Creates, labels and annotates namespaces.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def create(self, name: str, *, labels: Mapping[str, str], annotations: Mapping[str, str]) -> None:
        """Create a namespace.

        Args:
            name: its name.
            labels: its labels.
            annotations: its annotations.

        Raises:
            Conflict: it exists.
            Failure: the server refused, or did not answer.
        """
        noted = {**annotations, **annotation()}
        self._api.post(_path(), _manifest({"name": name, "labels": labels, "annotations": noted}))

    def apply(
        self, namespace: Namespace, *, labels: Mapping[str, str | None], annotations: Mapping[str, str | None]
    ) -> None:
        """Set labels and annotations of the namespace that was read, and remove those that are `None`.

        Server-side apply would keep what was set when the namespace was created.

        Args:
            namespace: the namespace, as it was read.
            labels: label → its value, or `None`.
            annotations: annotation → its value, or `None`.

        Raises:
            Conflict: it has changed since, or is another namespace of its name.
            Failure: the server refused, or did not answer.
        """
        metadata = {
            "uid": namespace.uid,
            "resourceVersion": namespace.version,
            "labels": dict(labels),
            "annotations": {**annotations, **annotation()},
        }
        self._api.merge(_path(namespace.name), {"metadata": metadata})

    def annotate(self, name: str, annotations: Mapping[str, str]) -> None:
        """Set annotations and keep the others.

        Args:
            name: the namespace.
            annotations: annotation → its value.

        Raises:
            Failure: the server refused, or did not answer.
        """
        self._api.merge(_path(name), {"metadata": {"annotations": {**annotations, **annotation()}}})


class NamespaceDeleterAdapter:
    """Deletes namespaces.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def delete(self, owned: Owned[Namespace]) -> None:
        """Delete the namespace that was read, by its uid.

        Args:
            owned: the namespace, with proof that it is ours.

        Raises:
            Conflict: another namespace has its name by now.
            Failure: the server refused, or did not answer.
        """
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
            "; ".join(filter(None, (each.get("message", ""), _DELETION_CONDITIONS[each["type"]])))
            for each in conditions
            if each["type"] in _DELETION_CONDITIONS and each["status"] == "True"
        ),
    )
