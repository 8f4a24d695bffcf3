"""One object under all versions of its group: that is why a version is no part of what an object is."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Apply = Callable[..., httpx.Response]


def scaler(version: str, **spec: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3, **spec},
    }


def cpu(percentage: int) -> list[dict[str, Any]]:
    target = {"type": "Utilization", "averageUtilization": percentage}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def route(version: str, *hosts: str) -> dict[str, Any]:
    return {
        "apiVersion": f"gateway.networking.k8s.io/{version}",
        "kind": "HTTPRoute",
        "metadata": {"name": "web"},
        "spec": {"hostnames": list(hosts)},
    }


def at(namespace: str, version: str) -> str:
    return f"/apis/autoscaling/{version}/namespaces/{namespace}/horizontalpodautoscalers/web"


def route_at(namespace: str, version: str) -> str:
    return f"/apis/gateway.networking.k8s.io/{version}/namespaces/{namespace}/httproutes/web"


def test_a_scaler_is_the_same_object_in_both_versions(
    api: httpx.Client, apply: Apply, namespace: str
) -> None:
    older = apply(at(namespace, "v1"), scaler("v1", targetCPUUtilizationPercentage=50))
    newer = api.get(at(namespace, "v2"))

    assert older.status_code == 201
    assert newer.json()["metadata"]["uid"] == older.json()["metadata"]["uid"]
    assert (older.json()["apiVersion"], newer.json()["apiVersion"]) == ("autoscaling/v1", "autoscaling/v2")
    assert newer.json()["spec"]["metrics"] == cpu(50)


def test_applying_another_version_changes_the_object_that_stands(
    api: httpx.Client, apply: Apply, namespace: str
) -> None:
    older = apply(at(namespace, "v1"), scaler("v1", targetCPUUtilizationPercentage=50))
    newer = apply(at(namespace, "v2"), scaler("v2", metrics=cpu(60)))

    assert newer.status_code == 200
    assert newer.json()["metadata"]["uid"] == older.json()["metadata"]["uid"]
    (entry,) = newer.json()["metadata"]["managedFields"]  # who applies is the same in every version
    assert (entry["manager"], entry["apiVersion"]) == ("coppice", "autoscaling/v2")
    assert api.get(at(namespace, "v1")).json()["spec"]["targetCPUUtilizationPercentage"] == 60


@pytest.mark.parametrize(("place", "there"), [(at, scaler), (route_at, route)], ids=["built in", "custom"])
def test_deleting_the_older_version_deletes_the_newer_one(
    api: httpx.Client,
    apply: Apply,
    namespace: str,
    place: Callable[[str, str], str],
    there: Callable[[str], dict[str, Any]],
) -> None:
    older, newer = ("v1", "v2") if place is at else ("v1beta1", "v1")
    apply(place(namespace, older), there(older)).raise_for_status()
    uid = apply(place(namespace, newer), there(newer)).raise_for_status().json()["metadata"]["uid"]

    deleted = api.request("DELETE", place(namespace, older), json={"preconditions": {"uid": uid}})

    assert deleted.status_code == 200
    assert api.get(place(namespace, newer)).status_code == 404


def test_a_route_that_is_applied_in_another_version_says_so_though_nothing_else_changes(
    apply: Apply, namespace: str
) -> None:
    older = apply(route_at(namespace, "v1beta1"), route("v1beta1", "a.example.com")).json()["metadata"]
    newer = apply(route_at(namespace, "v1"), route("v1", "a.example.com")).json()["metadata"]

    assert newer["uid"] == older["uid"]
    assert newer["resourceVersion"] != older["resourceVersion"]
    (entry,) = newer["managedFields"]
    assert entry["apiVersion"] == "gateway.networking.k8s.io/v1"


def test_a_route_is_listed_in_every_version_whichever_it_was_applied_in(
    api: httpx.Client, apply: Apply, namespace: str
) -> None:
    apply(route_at(namespace, "v1beta1"), route("v1beta1", "a.example.com")).raise_for_status()

    for version in ("v1", "v1beta1"):
        listed = api.get(route_at(namespace, version).removesuffix("/web")).json()["items"]
        assert [(each["apiVersion"], each["spec"]["hostnames"]) for each in listed] == [
            (f"gateway.networking.k8s.io/{version}", ["a.example.com"])
        ]


def test_the_version_of_the_path_is_the_one_of_the_body(apply: Apply, namespace: str) -> None:
    assert apply(at(namespace, "v1"), scaler("v2")).status_code == 400


@pytest.mark.parametrize("group", ["autoscaling", "gateway.networking.k8s.io"])
def test_the_version_that_is_preferred_is_told_first(api: httpx.Client, group: str) -> None:
    (found,) = [each for each in api.get("/apis").json()["groups"] if each["name"] == group]

    assert found["versions"][0] == found["preferredVersion"]
    assert len(found["versions"]) == 2


def test_a_version_that_is_not_served_is_said_to_be_no_resource_or_no_page(
    api: httpx.Client, apply: Apply, namespace: str
) -> None:
    built_in = apply(at(namespace, "v2beta2"), scaler("v2beta2"))
    custom = apply(route_at(namespace, "v1alpha1"), route("v1alpha1"))

    assert built_in.status_code == custom.status_code == 404
    assert built_in.json()["details"] == {}
    assert built_in.json()["message"] == "the server could not find the requested resource"
    assert custom.text == "404 page not found\n"
