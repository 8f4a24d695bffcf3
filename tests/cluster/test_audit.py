"""What a role grants and what is done with it can be held against each other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_kubeconfig
from coppice.reconciler.correlation import correlated
from devtools.cluster.audit import Permission, granted, spare, used
from devtools.cluster.connection import apply
from devtools.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster


def bound(kind: str, name: str, *, user: str, rules: list[dict[str, Any]], namespace: str = "") -> list[Any]:
    group = "rbac.authorization.k8s.io"
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    head = {"apiVersion": f"{group}/v1", "metadata": metadata}
    binding = {
        "roleRef": {"apiGroup": group, "kind": kind, "name": name},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    return [{**head, "kind": kind, "rules": rules}, {**head, "kind": f"{kind}Binding", **binding}]


def rule(*verbs: str, resource: str = "configmaps") -> dict[str, Any]:
    return {"apiGroups": [""], "resources": [resource], "verbs": list(verbs)}


def test_what_was_done_refused_and_never_tried_is_told_apart(
    api: httpx.Client, acting: Callable[[str], httpx.Client], namespace: str, audit_log: Path
) -> None:
    roles = [
        *bound("ClusterRole", f"all-{namespace}", user="eve", rules=[rule("get", "create", "patch")]),
        *bound("Role", "here", user="eve", rules=[rule("list", "watch")], namespace=namespace),
        *bound("Role", "others", user="bob", rules=[rule("delete")], namespace=namespace),
    ]
    for each in roles:
        place = f"namespaces/{namespace}/" if "namespace" in each["metadata"] else ""
        path = f"/apis/rbac.authorization.k8s.io/v1/{place}{each['kind'].lower()}s"
        assert api.post(path, json=each).status_code == 201
    eve, path = acting("eve"), f"/api/v1/namespaces/{namespace}/configmaps"
    wait_for("her roles", lambda: eve.get(path).is_success)
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    assert apply(eve, f"{path}/x", manifest, manager="eve").status_code == 201
    assert eve.delete(f"{path}/x").status_code == 403

    may = granted(roles, user="eve")
    did, missed = used(audit_log.read_text().splitlines(), user="eve")

    def here(verb: str) -> Permission:
        return Permission(group="", resource="configmaps", verb=verb, namespace=namespace)

    assert {here("list"), here("patch"), here("create")} <= did
    assert here("delete") in missed
    assert spare(may, did) == {Permission(group="", resource="configmaps", verb="get"), here("watch")}


def test_the_audit_log_says_what_led_to_a_request(kubeconfig: Path, audit_log: Path) -> None:
    api, path = Api(by_kubeconfig(str(kubeconfig))), "/api/v1/namespaces/default/configmaps"
    with correlated("72d3162e-cc78-11e3-81ab-4c9367dc0958"):
        api.post(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "led-"}})

    def agents() -> list[str]:
        events = map(json.loads, audit_log.read_text().splitlines())
        return [each["userAgent"] for each in events if each["requestURI"].startswith(f"{path}?fieldManager")]

    wait_for("the event", lambda: "coppice (72d3162e-cc78-11e3-81ab-4c9367dc0958)" in agents())
