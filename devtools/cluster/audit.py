"""Compare what a user may do on a cluster with what it did, so that roles do not grow unnoticed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True, kw_only=True)
class Permission:
    """A verb on a resource, as a role permits it.

    Attributes:
        group: The API group; empty for the core group.
        resource: The plural name, with the subresource if there is one.
        verb: The verb, as in a role.
        namespace: The namespace; empty for all namespaces.
    """

    group: str
    resource: str
    verb: str
    namespace: str = ""


def granted(objects: Iterable[Mapping[str, Any]], *, user: str) -> set[Permission]:
    """Return the permissions that roles give to a user.

    Args:
        objects: Roles, cluster roles and their bindings, as they are applied; other objects are ignored.
        user: The user's name.

    Returns:
        The permissions.
    """
    by_kind_and_name = {(each["kind"], _namespace(each), each["metadata"]["name"]): each for each in objects}
    permissions = set()
    for (kind, namespace, _), binding in by_kind_and_name.items():
        if kind not in {"ClusterRoleBinding", "RoleBinding"}:
            continue
        if all(subject["name"] != user for subject in binding["subjects"]):
            continue
        reference = binding["roleRef"]
        home = namespace if reference["kind"] == "Role" else ""
        role = by_kind_and_name[reference["kind"], home, reference["name"]]
        permissions |= {
            Permission(group=group, resource=resource, verb=verb, namespace=namespace)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
    return permissions


def used(lines: Iterable[str], *, user: str) -> tuple[set[Permission], set[Permission]]:
    """Return what a user did, and what was refused because no role permits it.

    Args:
        lines: The lines of the API server's audit log.
        user: The user's name, authenticated or impersonated.

    Returns:
        The allowed and the forbidden requests as permissions, each in the namespace of the request.
    """
    allowed: set[Permission] = set()
    forbidden: set[Permission] = set()
    for line in lines:
        event = json.loads(line)
        actor = event.get("impersonatedUser") or event["user"]
        target = event.get("objectRef")
        if actor["username"] != user or target is None:
            continue
        decision = event.get("annotations", {}).get("authorization.k8s.io/decision")
        verbs = {event["verb"]}
        if event["verb"] == "patch" and event["responseStatus"].get("code") == 201:
            verbs.add("create")  # an apply needs it for a new object, which only the response shows
        (allowed if decision == "allow" else forbidden).update(
            Permission(
                group=target.get("apiGroup", ""),
                resource="/".join(filter(None, [target["resource"], target.get("subresource")])),
                verb=verb,
                namespace="" if target["resource"] == "namespaces" else target.get("namespace", ""),
            )
            for verb in verbs
        )
    return allowed, forbidden


def spare(permissions: set[Permission], uses: set[Permission]) -> set[Permission]:
    """Return the permissions that no request used.

    A permission for all namespaces is used if it was used in any namespace.

    Args:
        permissions: The granted permissions.
        uses: The permissions that requests used.

    Returns:
        The permissions that are not needed.
    """
    anywhere = {(use.group, use.resource, use.verb) for use in uses}
    return {
        each
        for each in permissions
        if each not in uses and (each.namespace or (each.group, each.resource, each.verb) not in anywhere)
    }


def _namespace(document: Mapping[str, Any]) -> str:
    namespace: str = document["metadata"].get("namespace", "")
    return namespace
