"""Compare what a user may do on a cluster with what it did, so that roles do not grow unnoticed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True, kw_only=True)
class Permission:
    """A verb on a resource.

    Attributes:
        group: The API group; empty for the core group.
        resource: The plural, with its subresource if there is one.
        verb: As roles have them.
        namespace: The one it is for; empty for all of them.
    """

    group: str
    resource: str
    verb: str
    namespace: str = ""


def granted(objects: Iterable[Mapping[str, Any]], *, user: str) -> set[Permission]:
    """Return what roles give to a user.

    Args:
        objects: Roles, cluster roles and their bindings, as they are applied; others are passed over.
        user: The user's name.
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
    """Return what a user did, and what was refused for want of a role.

    Args:
        lines: Of the API server's audit log.
        user: The user's name, impersonated or not.

    Returns:
        What was allowed, and what was forbidden; each in the namespace where it was tried.
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
            verbs.add("create")  # apply needs it where nothing stands, and only the answer tells
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
    """Return the permissions that no use needed; one for all namespaces is needed by a use in any.

    Args:
        permissions: What is granted.
        uses: What was done.
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
