"""Discovery: which kinds are served, where, and whether in namespaces."""

from typing import Any

import httpx
import pytest

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
KINDS = {  # a kind of each sort that an environment is made of
    ("", "v1"): {
        "ConfigMap": "configmaps",
        "Service": "services",
        "PersistentVolumeClaim": "persistentvolumeclaims",
    },
    ("apps", "v1"): {"Deployment": "deployments", "StatefulSet": "statefulsets"},
    ("batch", "v1"): {"Job": "jobs", "CronJob": "cronjobs"},
    ("autoscaling", "v2"): {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    ("networking.k8s.io", "v1"): {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"},
    ("policy", "v1"): {"PodDisruptionBudget": "poddisruptionbudgets"},
    ("coordination.k8s.io", "v1"): {"Lease": "leases"},
    ("gateway.networking.k8s.io", "v1"): {
        "HTTPRoute": "httproutes",
        "GRPCRoute": "grpcroutes",
        "Gateway": "gateways",
    },
    ("secrets-store.csi.x-k8s.io", "v1"): {"SecretProviderClass": "secretproviderclasses"},
    ("azmonitoring.coreos.com", "v1"): {"PodMonitor": "podmonitors", "ServiceMonitor": "servicemonitors"},
    ("alb.networking.azure.io", "v1"): {
        "HealthCheckPolicy": "healthcheckpolicies",
        "RoutePolicy": "routepolicies",
    },
}


def aggregated(api: httpx.Client, path: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    answer = api.get(path, headers={"Accept": AGGREGATED})
    assert answer.headers["content-type"] == AGGREGATED
    document = answer.json()
    assert (document["kind"], document["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    return {
        (group["metadata"].get("name", ""), version["version"]): version["resources"]
        for group in document["items"]
        for version in group["versions"]
    }


@pytest.mark.parametrize(("group", "version"), KINDS)
def test_two_requests_tell_all_kinds(api: httpx.Client, group: str, version: str) -> None:
    served = aggregated(api, "/apis" if group else "/api")

    found = {resource["responseKind"]["kind"]: resource for resource in served[group, version]}

    for kind, plural in KINDS[group, version].items():
        assert found[kind]["resource"] == plural
        assert found[kind]["scope"] == "Namespaced"
        assert found[kind]["singularResource"] == kind.lower()
        # Built-in kinds leave it to what they are listed under.
        assert found[kind]["responseKind"]["group"] in {"", group}
        assert {"create", "delete", "get", "list", "patch", "update"} <= set(found[kind]["verbs"])


@pytest.mark.parametrize(("group", "version"), KINDS)
def test_the_older_form_tells_the_same(api: httpx.Client, group: str, version: str) -> None:
    answer = api.get(f"/apis/{group}/{version}" if group else f"/api/{version}").json()

    assert (answer["kind"], answer["groupVersion"]) == ("APIResourceList", f"{group}/{version}".strip("/"))
    found = {resource["name"]: resource for resource in answer["resources"]}
    for kind, plural in KINDS[group, version].items():
        assert (found[plural]["kind"], found[plural]["namespaced"]) == (kind, True)
        assert {"create", "delete", "get", "list", "patch", "update"} <= set(found[plural]["verbs"])


def test_namespaces_are_in_no_namespace(api: httpx.Client) -> None:
    resources = aggregated(api, "/api")["", "v1"]

    (namespaces,) = [resource for resource in resources if resource["resource"] == "namespaces"]

    assert namespaces["scope"] == "Cluster"


def test_groups_are_listed(api: httpx.Client) -> None:
    answer = api.get("/apis").json()

    assert answer["kind"] == "APIGroupList"
    groups = {group["name"]: group["preferredVersion"] for group in answer["groups"]}
    assert {group for group, _ in KINDS if group} <= groups.keys()
    assert groups["apps"] == {"groupVersion": "apps/v1", "version": "v1"}


def test_the_version_is_told(api: httpx.Client) -> None:
    assert api.get("/version").json()["major"] == "1"
    assert api.get("/readyz").text == "ok"
