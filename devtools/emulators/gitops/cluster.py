"""The controllers' client of the cluster: lists, merges and applies, over plain HTTP."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from devtools.cluster.connection import apply, merge

Object = dict[str, Any]


class ApplyError(Exception):
    """The cluster refused an object; the message contains the cluster's message."""


class Cluster:
    """A client of the cluster.

    Args:
        api: the HTTP client, authorized to write the objects in Git.
    """

    def __init__(self, api: httpx.Client) -> None:
        self._api = api
        self._resources: dict[tuple[str, str], Object] = {}

    def items(self, group_version: str, plural: str) -> list[Object]:
        """Return the objects of a custom kind; none if the cluster does not serve the kind."""
        answer = self._api.get(f"/apis/{group_version}/{plural}")
        if answer.status_code == 404:
            return []
        found = answer.raise_for_status().json()["items"]
        assert isinstance(found, list)
        return found

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object, or None if it does not exist."""
        answer = self._api.get(self._path(api_version, kind, namespace, name))
        if answer.status_code == 404:
            return None
        document = answer.raise_for_status().json()
        assert isinstance(document, dict)
        return document

    def update(self, live: Object, patch: Mapping[str, Any], *, subresource: str = "") -> None:
        """Merge a patch into an object; if the object has changed since it was read, change nothing.

        The next pass then reads the object again.

        Args:
            live: the object as it was read.
            patch: the merge patch.
            subresource: the path of the subresource, such as `/status` (empty for the object itself).
        """
        metadata = live["metadata"]
        path = self._path(live["apiVersion"], live["kind"], metadata.get("namespace", ""), metadata["name"])
        version = {"resourceVersion": metadata["resourceVersion"]}
        body = dict(patch) | {"metadata": dict(patch.get("metadata", {})) | version}
        answer = merge(self._api, path + subresource, body)
        if answer.status_code not in {404, 409}:
            answer.raise_for_status()

    def apply(
        self, objects: Iterable[Object], *, namespace: str, manager: str, labels: Mapping[str, str]
    ) -> None:
        """Apply objects; namespaces come first.

        Args:
            objects: the objects.
            namespace: the namespace of objects that name none.
            manager: the field manager.
            labels: the labels that are added to each object.

        Raises:
            ApplyError: the cluster refused an object; the objects before it remain applied.
        """
        for each in sorted(objects, key=lambda one: one["kind"] != "Namespace"):
            metadata = each["metadata"]
            home = metadata.get("namespace", namespace)
            manifest = each | {"metadata": metadata | {"labels": metadata.get("labels", {}) | labels}}
            path = self._path(each["apiVersion"], each["kind"], home, metadata["name"])
            answer = apply(self._api, path, manifest, manager=manager)
            if answer.is_error:
                said = answer.json().get("message", answer.text)
                raise ApplyError(f"{each['kind']} {metadata['name']}: {said}")

    def is_healthy(self, api_version: str, kind: str, namespace: str, name: str) -> bool:
        """Return whether a workload is rolled out; any other object is healthy if it exists."""
        live = self.get(api_version, kind, namespace, name)
        if live is None or kind not in {"Deployment", "StatefulSet"}:
            return live is not None
        status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
        current = status.get("observedGeneration") == live["metadata"]["generation"]
        counts = {status.get(count, 0) for count in ("updatedReplicas", "availableReplicas", "replicas")}
        return current and counts == {wanted}

    def _path(self, api_version: str, kind: str, namespace: str, name: str) -> str:
        resource = self._resource(api_version, kind)
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        home = f"/namespaces/{namespace}" if resource["namespaced"] else ""
        return f"{root}{home}/{resource['name']}/{name}"

    def _resource(self, api_version: str, kind: str) -> Object:
        if (api_version, kind) not in self._resources:
            root = "apis" if "/" in api_version else "api"
            answer = self._api.get(f"/{root}/{api_version}")
            for each in answer.json()["resources"] if answer.is_success else ():
                if "/" not in each["name"]:
                    self._resources[api_version, each["kind"]] = each
        found = self._resources.get((api_version, kind))
        if found is None:
            raise ApplyError(f'no matches for kind "{kind}" in version "{api_version}"')
        return found
