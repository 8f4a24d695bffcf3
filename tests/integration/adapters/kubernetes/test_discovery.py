"""Kinds: asked for once, and again when one turns up that was not there."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kubernetes.client import Configuration

from adapters.kubernetes.client import Api
from adapters.kubernetes.discovery import Discovery, Resource
from coppice.reconciler.errors import Failure, Forbidden, NotSetUp, Unreachable
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.raw import Answer, Asked, json_reply, raw_server
from tests.integration.adapters.worlds import Cluster


def known(group: str, version: str, **kinds: str) -> dict[str, Any]:
    """A group as aggregated discovery tells it; kinds with their plurals."""
    resources = [
        {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced"}
        for kind, plural in kinds.items()
    ]
    return {"metadata": {"name": group}, "versions": [{"version": version, "resources": resources}]}


def told(*groups: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": list(groups)}


@pytest.mark.parametrize(
    ("api_version", "kind", "wanted"),
    [
        ("v1", "Service", Resource("services", namespaced=True)),
        ("v1", "Namespace", Resource("namespaces", namespaced=False)),
        ("apps/v1", "StatefulSet", Resource("statefulsets", namespaced=True)),
        ("networking.k8s.io/v1", "NetworkPolicy", Resource("networkpolicies", namespaced=True)),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", Resource("httproutes", namespaced=True)),
    ],
)
def test_a_kind_is_found_with_its_plural(
    cluster: Cluster, api_version: str, kind: str, wanted: Resource
) -> None:
    assert Discovery(cluster.api).resource(api_version, kind) == wanted


def test_two_requests_tell_all_kinds_even_to_six_threads(cluster: Cluster) -> None:
    discovery = Discovery(cluster.api)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda kind: discovery.resource("v1", kind), ["Service", "Secret", "ConfigMap"] * 4))
    assert cluster.asked("GET") == ["GET /api", "GET /apis"]


def test_a_kind_that_the_cluster_does_not_know_is_named(cluster: Cluster) -> None:
    with pytest.raises(NotSetUp, match=r"no example\.com/v1 Thing: install its CustomResourceDefinition"):
        Discovery(cluster.api).resource("example.com/v1", "Thing")


def test_a_kind_of_another_version_is_not_the_kind(cluster: Cluster) -> None:
    with pytest.raises(NotSetUp, match="apps/v1beta1"):
        Discovery(cluster.api).resource("apps/v1beta1", "Deployment")


def test_a_custom_resource_that_comes_later_is_found() -> None:
    installed = False

    def answer(asked: Asked) -> Answer:
        if asked.target == "/api":
            return json_reply(200, told(known("", "v1", Service="services")))
        return json_reply(200, told(known("example.com", "v1", Thing="things")) if installed else told())

    with raw_server(answer) as server:
        discovery = Discovery(Api(Configuration(host=server.url)))
        with pytest.raises(NotSetUp):
            discovery.resource("example.com/v1", "Thing")
        installed = True
        assert discovery.resource("example.com/v1", "Thing").plural == "things"
        assert discovery.resource("v1", "Service").plural == "services"
        assert "APIGroupDiscoveryList" in server.asked[0].headers["accept"]


@pytest.mark.parametrize(("status", "kind", "tries"), [(403, Forbidden, 1), (503, Unreachable, 3)])
def test_kinds_that_cannot_be_read_are_not_unknown(
    cluster: Cluster, status: int, kind: type[Failure], tries: int
) -> None:
    cluster.emulator.fail(Fail(status=status, path_prefix="/apis", times=tries))
    discovery = Discovery(cluster.api)
    with pytest.raises(kind):
        discovery.resource("apps/v1", "Deployment")
    assert discovery.resource("apps/v1", "Deployment").plural == "deployments"


def test_a_cluster_that_is_too_old_to_tell_says_so() -> None:
    with (
        raw_server(lambda _: json_reply(200, {"kind": "APIVersions", "versions": ["v1"]})) as server,
        pytest.raises(NotSetUp, match=r"1\.30"),
    ):
        Discovery(Api(Configuration(host=server.url))).resource("v1", "Service")
