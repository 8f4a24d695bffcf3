"""Maps kinds to paths. The API server is asked once, and again when a kind is asked for that it did not
have.

Two requests return all kinds:
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from adapters.kubernetes.status_errors import NotServed
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import NotSetUp

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Resource:
    """A resource of the API: the plural in its path, and whether it is namespaced."""

    plural: str
    namespaced: bool


_Known: TypeAlias = Mapping[tuple[str, str], Resource]  # within a group, the preferred version comes first
_Found = TypeVar("_Found")
_Answer = TypeVar("_Answer")


class Discovery:
    """The kinds that the cluster serves.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._known: _Known = {}

    def resource(self, api_version: str, kind: str) -> Resource:
        """Find the resource of a kind.

        Args:
            api_version: `v1`, or `group/version`.
            kind: the kind.

        Returns:
            The resource.

        Raises:
            NotSetUp: the cluster does not serve the kind, or not in this version.
        """
        found = self._find(lambda known: known.get((api_version, kind)))
        if found is None:
            raise self._unknown(api_version, kind)
        return found

    def call_any_version(self, namespace: str, ref: ObjectRef, call: Callable[[str], _Answer]) -> _Answer:
        """Make a call about an object, in whichever version of its group is served: it is the same object.

        The version that it was written in comes first.

        Args:
            namespace: its namespace.
            ref: the object.
            call: makes the call, given the object's path.

        Returns:
            What the call returned.

        Raises:
            NotSetUp: the cluster serves its kind in no version.
        """

        def object_path() -> str:
            api_version, resource = self._served_version(ref.api_version, ref.kind)
            return path(api_version, resource.plural, namespace=namespace, name=ref.name)

        try:
            return call(object_path())
        except NotServed:
            self.forget()
            return call(object_path())

    def collection_path(self, api_version: str, kind: str) -> str:
        """Build the path that lists all objects of a kind, in whichever version of its group is served.

        Args:
            api_version: the version to prefer.
            kind: the kind.

        Returns:
            The path.

        Raises:
            NotSetUp: the cluster serves the kind in no version.
        """
        at, resource = self._served_version(api_version, kind)
        return path(at, resource.plural)

    def forget(self) -> None:
        """Forget all kinds, because one that was served is served no more. The next call asks again."""
        self._known = {}

    def _served_version(self, api_version: str, kind: str) -> tuple[str, Resource]:
        def find(known: _Known) -> tuple[str, Resource] | None:
            if (api_version, kind) in known:
                return api_version, known[api_version, kind]
            served = _versions_of(known, api_version, kind)
            return (served[0], known[served[0], kind]) if served else None

        found = self._find(find)
        if found is None:
            raise self._unknown(api_version, kind)
        return found

    def _unknown(self, api_version: str, kind: str) -> NotSetUp:
        served = _versions_of(self._known, api_version, kind)
        helps = (
            f"it serves {' and '.join(served)}, so write one of these"
            if served
            else "install its CustomResourceDefinition, or leave it out"
        )
        return NotSetUp(f"the cluster knows no {api_version} {kind}: {helps}")

    def _find(self, find: Callable[[_Known], _Found | None]) -> _Found | None:
        found = find(self._known)
        if found is None:
            with self._lock:
                found = find(self._known)
                if found is None:
                    self._known = self._discover()
                    found = find(self._known)
        return found

    def _discover(self) -> _Known:
        known: dict[tuple[str, str], Resource] = {}
        for root in ("/api", "/apis"):
            groups = self._api.get(root, accept=_AGGREGATED)
            if groups["kind"] != "APIGroupDiscoveryList":
                raise NotSetUp(
                    "the cluster does not tell its kinds at once: it has to be Kubernetes 1.30 or later"
                )
            for group in groups["items"]:
                name = (group.get("metadata") or {}).get("name", "")
                for version in group["versions"]:
                    api_version = f"{name}/{version['version']}" if name else version["version"]
                    for each in version.get("resources") or ():
                        kind = (each.get("responseKind") or {}).get("kind", "")
                        known[api_version, kind] = Resource(each["resource"], each["scope"] == "Namespaced")
        return known


def _versions_of(known: _Known, api_version: str, kind: str) -> tuple[str, ...]:
    """The versions of its group in which a kind is served, the preferred one first."""
    group = api_version.rpartition("/")[0]
    return tuple(at for at, served in known if served == kind and at.rpartition("/")[0] == group)
