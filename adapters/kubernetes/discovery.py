"""Which path a kind of object lives under: asked of the API server once, and again when a kind turns up
that was not there.

Two requests tell all kinds:
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery.
"""

import threading
from dataclasses import dataclass

from adapters.kubernetes.client import Api
from loop.errors import NotSetUp

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Resource:
    """The plural that a kind's path has, and whether its objects live in namespaces."""

    plural: str
    namespaced: bool


class Discovery:
    """The kinds that the cluster knows.

    Args:
        api: the cluster.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Resource] = {}

    def resource(self, api_version: str, kind: str) -> Resource:
        """Where objects of a kind live.

        Args:
            api_version: `v1`, or `group/version`.
            kind: the kind.

        Returns:
            The resource.

        Raises:
            NotSetUp: the cluster does not know the kind; its CustomResourceDefinition is missing.
        """
        found = self._known.get((api_version, kind))
        if found is None:
            with self._lock:
                if (api_version, kind) not in self._known:
                    self._known = self._ask()
                found = self._known.get((api_version, kind))
        if found is None:
            raise NotSetUp(
                f"the cluster knows no {api_version} {kind}: "
                "install its CustomResourceDefinition, or leave it out"
            )
        return found

    def _ask(self) -> dict[tuple[str, str], Resource]:
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
