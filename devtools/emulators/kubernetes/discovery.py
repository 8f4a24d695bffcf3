"""The discovery documents, in the aggregated form and in the old one.

Both are described in https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from itertools import groupby
from typing import Any

from devtools.emulators.kubernetes.kinds import KINDS, VERBS, Kind
from devtools.emulators.kubernetes.status import no_such_resource

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

_STATUS_VERBS = ["get", "patch", "update"]
# Group → version → kinds. The preferred version comes first.
GROUPS = {
    group: {version: list(kinds) for version, kinds in groupby(found, key=lambda kind: kind.version)}
    for group, found in groupby(KINDS, key=lambda kind: kind.group)
}


def is_custom(group: str) -> bool:
    """Return whether CustomResourceDefinitions define the kinds of a group.

    For an unknown version of such a group the API server answers with a plain 404, not with a `Status`.
    """
    return all(kind.custom for kinds in GROUPS[group].values() for kind in kinds)


def aggregated(path: str) -> dict[str, Any]:
    """Return the aggregated discovery document of `/api` or `/apis`."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": version,
                        "resources": [_aggregated_resource(kind) for kind in kinds],
                        "freshness": "Current",
                    }
                    for version, kinds in served.items()
                ],
            }
            for group, served in GROUPS.items()
            if bool(group) == (path == "/apis")
        ],
    }


def _aggregated_resource(kind: Kind) -> dict[str, Any]:
    response_kind = {"group": "", "version": "", "kind": kind.name}
    if kind.custom:  # only custom kinds repeat group and version here
        response_kind |= {"group": kind.group, "version": kind.version}
    resource: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": response_kind,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.name.lower(),
        "verbs": list(VERBS),
    }
    if kind.status:
        status = {"subresource": "status", "responseKind": response_kind, "verbs": _STATUS_VERBS}
        resource["subresources"] = [status]
    return resource


def versions() -> dict[str, Any]:
    """Return the document of `/api`."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups() -> dict[str, Any]:
    """Return the document of `/apis`."""
    listed = [_group(group, list(served)) for group, served in GROUPS.items() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def _group(group: str, versions: list[str]) -> dict[str, Any]:
    shown = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": shown, "preferredVersion": shown[0]}


def resources(group: str, version: str) -> dict[str, Any]:
    """Return the document of `/api/v1` or `/apis/<group>/<version>`.

    Raises:
        ApiError: 404, the group has no such version.
    """
    kinds = GROUPS[group].get(version)
    if kinds is None:
        raise no_such_resource()
    listed = []
    for kind in kinds:
        shown = {"singularName": kind.name.lower(), "namespaced": kind.namespaced, "kind": kind.name}
        listed.append({"name": kind.plural, **shown, "verbs": list(VERBS)})
        if kind.status:
            shown = {"singularName": "", "namespaced": kind.namespaced, "kind": kind.name}
            listed.append({"name": f"{kind.plural}/status", **shown, "verbs": _STATUS_VERBS})
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": kinds[0].api_version,
        "resources": listed,
    }
