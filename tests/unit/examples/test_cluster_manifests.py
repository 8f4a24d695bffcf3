"""What is applied once to the cluster must fit the overlays that come after it."""

from pathlib import Path
from typing import Any

import yaml

EXAMPLE = Path(__file__).parents[3] / "examples" / "todo-app"


def documents(pattern: str) -> list[dict[str, Any]]:
    return [item for path in EXAMPLE.glob(pattern) for item in yaml.safe_load_all(path.read_text())]


def test_argo_cd_applies_overlays_that_exist_and_leaves_the_branches_to_coppice() -> None:
    applications = [item for item in documents("cluster-manifests/*.yaml") if item["kind"] == "Application"]
    sources = [
        one for item in applications for one in item["spec"].get("sources") or [item["spec"]["source"]]
    ]
    assert {source["path"] for source in sources} == {
        f"manifests/overlays/{name}" for name in ("staging", "production", "azure-production")
    }
    assert all((EXAMPLE / source["path"] / "kustomization.yaml").is_file() for source in sources)


def test_each_route_attaches_to_a_gateway_that_admits_its_namespace_and_host() -> None:
    listeners = {
        item["metadata"]["name"]: item["spec"]["listeners"][0]
        for item in documents("cluster-manifests/gateway.yaml")
        if item["kind"] == "Gateway"
    }
    for overlay in ("feature", "staging", "production"):
        (namespace,) = documents(f"manifests/overlays/{overlay}/namespace.yaml")
        (route,) = documents(f"manifests/overlays/{overlay}/httproute-patch.yaml")
        (parent,) = route["spec"]["parentRefs"]
        listener = listeners[parent["name"]]
        labels = listener["allowedRoutes"]["namespaces"]["selector"]["matchLabels"]
        assert labels.items() <= namespace["metadata"]["labels"].items()
        assert all(
            host.endswith(listener["hostname"].removeprefix("*")) for host in route["spec"]["hostnames"]
        )
