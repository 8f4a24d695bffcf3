"""An object is reached in any version of its group, and a kind that is not served any more is told of."""

from typing import Any

import pytest
from kubernetes.client import Configuration

from adapters.kubernetes.application_reader import ApplicationReaderAdapter
from adapters.kubernetes.application_writer import ApplicationWriterAdapter
from adapters.kubernetes.client import Api
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.object_status import ObjectStatusAdapter
from adapters.kubernetes.secret_probe import SecretProbeAdapter
from coppice.components.removal import Owned
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Gone, NotSetUp
from tests.integration.adapters.raw import Answer, Asked, json_reply, raw_server
from tests.integration.adapters.worlds import Cluster

THING = ObjectRef("example.com/v1", "Thing", "web")
MANIFEST = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "web"}}
NO_RESOURCE = "the server could not find the requested resource"


def scaler(version: str) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3},
    }


@pytest.mark.parametrize("version", ["v1", "v2", "v2beta2"], ids=["older", "newer", "not served any more"])
def test_an_object_stands_and_goes_whatever_version_its_record_was_written_in(
    cluster: Cluster, version: str
) -> None:
    cluster.namespace("x")
    discovery = Discovery(cluster.api)
    reader = ApplicationReaderAdapter(cluster.api, discovery, SecretProbeAdapter(cluster.api))
    writer = ApplicationWriterAdapter(cluster.api, discovery)
    writer.apply("x", scaler("v2"))
    recorded = ObjectRef(f"autoscaling/{version}", "HorizontalPodAutoscaler", "web")

    (found,) = reader.live("x", [recorded])
    (seen,) = ObjectStatusAdapter(cluster.api, discovery, SecretProbeAdapter(cluster.api)).statuses(
        "x", [recorded]
    )
    writer.delete("x", Owned(found))

    assert seen.created is not None
    assert reader.live("x", [recorded]) == ()


def test_who_writes_a_version_that_is_not_served_is_told_which_are(cluster: Cluster) -> None:
    cluster.namespace("x")
    writer = ApplicationWriterAdapter(cluster.api, Discovery(cluster.api))

    with pytest.raises(NotSetUp, match="it serves autoscaling/v2 and autoscaling/v1, so write one of these"):
        writer.apply("x", scaler("v2beta2"))


class Changing:
    """An API server whose versions of one kind come and go; each of them shows the one object there is."""

    def __init__(self, *versions: str) -> None:
        self.versions = versions

    def answer(self, asked: Asked) -> Answer:
        if asked.target in {"/api", "/apis"}:
            resource = {"resource": "things", "responseKind": {"kind": "Thing"}, "scope": "Namespaced"}
            versions = [{"version": version, "resources": [resource]} for version in self.versions]
            group = [{"metadata": {"name": "example.com"}, "versions": versions}] if versions else []
            items = group if asked.target == "/apis" else []
            return json_reply(200, {"kind": "APIGroupDiscoveryList", "items": items})
        if not any(asked.target.startswith(f"/apis/example.com/{version}/") for version in self.versions):
            return json_reply(404, {"kind": "Status", "message": NO_RESOURCE, "details": {}})
        if "namespaces/nowhere/" in asked.target:
            return json_reply(404, {"kind": "Status", "message": 'namespaces "nowhere" not found'})
        return json_reply(200, {"kind": "Thing", "metadata": {"uid": "1", "resourceVersion": "7"}})


def test_a_definition_that_goes_in_a_workers_life_is_missing_and_nothing_to_wait_for() -> None:
    kinds = Changing("v1")
    with raw_server(kinds.answer) as server:
        api = Api(Configuration(host=server.url))
        discovery = Discovery(api)
        writer = ApplicationWriterAdapter(api, discovery)
        writer.apply("x", MANIFEST)
        kinds.versions = ()

        with pytest.raises(NotSetUp, match="install its CustomResourceDefinition"):
            writer.apply("x", MANIFEST)
        assert ApplicationReaderAdapter(api, discovery, SecretProbeAdapter(api)).live("x", [THING]) == ()


def test_a_namespace_that_has_gone_is_waited_for_and_asks_for_no_kinds() -> None:
    with raw_server(Changing("v1").answer) as server:
        api = Api(Configuration(host=server.url))
        writer = ApplicationWriterAdapter(api, Discovery(api))
        writer.apply("x", MANIFEST)
        before = len(server.asked)

        with pytest.raises(Gone, match="nowhere"):
            writer.apply("nowhere", MANIFEST)
        assert len(server.asked) == before + 1


def test_a_version_that_goes_in_a_workers_life_takes_no_object_away() -> None:
    kinds = Changing("v2", "v1")
    with raw_server(kinds.answer) as server:
        api = Api(Configuration(host=server.url))
        reader = ApplicationReaderAdapter(api, Discovery(api), SecretProbeAdapter(api))
        (before,) = reader.live("x", [THING])
        kinds.versions = ("v2",)

        assert reader.live("x", [THING]) == (before,)


def test_routes_whose_definition_goes_in_a_workers_life_claim_nothing(cluster: Cluster) -> None:
    discovery = Discovery(cluster.api)
    discovery.resource("gateway.networking.k8s.io/v1", "HTTPRoute")
    with raw_server(Changing().answer) as server:
        gone = Api(Configuration(host=server.url))
        discovery._api = gone

        assert ApplicationReaderAdapter(gone, discovery, SecretProbeAdapter(gone)).hosts() == {}
