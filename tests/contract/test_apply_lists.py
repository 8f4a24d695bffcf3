"""Server-side apply to lists: by name, by port, by path, as a set, or as a whole."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Apply = Callable[..., httpx.Response]


def deployment(**container: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", **container}]},
            },
        },
    }


def containers(answer: httpx.Response) -> list[dict[str, Any]]:
    found = answer.json()["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, list)
    return found


@pytest.fixture
def web(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/web"


@pytest.fixture
def settings(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/settings"


def test_lists_of_named_things_are_merged_by_name(apply: Apply, web: str) -> None:
    apply(web, deployment(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]))
    sidecar = deployment(env=[{"name": "C", "value": "3"}])
    del sidecar["spec"]["template"]["spec"]["containers"][0]["image"]
    sidecar["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "proxy:1"})
    apply(web, sidecar, manager="injector")

    after = apply(web, deployment(env=[{"name": "B", "value": "4"}]))

    assert [one["name"] for one in containers(after)] == ["web", "proxy"]
    env = {one["name"]: one["value"] for one in containers(after)[0]["env"]}
    assert env == {"B": "4", "C": "3"}
    assert containers(after)[0]["image"] == "web:1"


def test_a_container_that_is_left_out_goes_with_all_its_defaults(apply: Apply, web: str) -> None:
    two = deployment()
    two["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "side:1"})
    apply(web, two)

    after = apply(web, deployment())

    assert [one["name"] for one in containers(after)] == ["web"]


def test_ports_are_told_apart_by_number_and_protocol(apply: Apply, web: str) -> None:
    apply(web, deployment(ports=[{"containerPort": 80, "name": "http"}]), manager="theirs")

    both = apply(web, deployment(ports=[{"containerPort": 80, "protocol": "UDP", "name": "quic"}]))

    assert {(port["containerPort"], port["name"]) for port in containers(both)[0]["ports"]} == {
        (80, "http"),
        (80, "quic"),
    }


def test_mounts_are_told_apart_by_their_path(apply: Apply, web: str) -> None:
    def mounting(*paths: str) -> dict[str, Any]:
        document = deployment(volumeMounts=[{"name": "tmp", "mountPath": path} for path in paths])
        document["spec"]["template"]["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {}}]
        return document

    apply(web, mounting("/a", "/b"))

    after = apply(web, mounting("/b", "/c"))

    assert [mount["mountPath"] for mount in containers(after)[0]["volumeMounts"]] == ["/b", "/c"]


def test_ports_of_a_service_are_merged_by_number(apply: Apply, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services/web"

    def service(*ports: int) -> dict[str, Any]:
        listed = [{"name": f"p{port}", "port": port} for port in ports]
        spec = {"selector": {"app": "web"}, "ports": listed}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}

    apply(path, service(80))
    apply(path, service(81), manager="theirs")

    after = apply(path, service(82)).json()

    assert {port["port"] for port in after["spec"]["ports"]} == {81, 82}


def test_other_lists_are_one_field(apply: Apply, web: str) -> None:
    apply(web, deployment(args=["a", "b"]), manager="theirs")

    refused, taken = apply(web, deployment(args=["c"])), apply(web, deployment(args=["c"]), force=True)

    assert (
        refused.json()["details"]["causes"][0]["field"] == '.spec.template.spec.containers[name="web"].args'
    )
    assert containers(taken)[0]["args"] == ["c"]


def test_finalizers_are_a_set(apply: Apply, settings: str) -> None:
    def holding(*finalizers: str) -> dict[str, Any]:
        metadata = {"name": "settings", "finalizers": list(finalizers)}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}

    apply(settings, holding("example.com/a"))
    apply(settings, holding("example.com/b"), manager="theirs")

    after = apply(settings, holding())

    assert after.json()["metadata"]["finalizers"] == ["example.com/b"]
    (entry,) = after.json()["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:metadata": {"f:finalizers": {'v:"example.com/b"': {}}}}
    assert "finalizers" not in apply(settings, holding(), manager="theirs").json()["metadata"]


def test_two_items_of_one_name_are_refused(apply: Apply, web: str) -> None:
    refused = apply(web, deployment(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]))

    assert refused.status_code == 500
    assert refused.json()["message"].endswith(
        '.spec.template.spec.containers[name="web"].env: duplicate entries for key [name="A"]'
    )
