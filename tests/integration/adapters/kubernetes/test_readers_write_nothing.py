"""What reads sends no write; of a Secret it asks for the metadata, by a write that is never carried out."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.client import Configuration

from adapters.kubernetes.application_reader import ApplicationReaderAdapter
from adapters.kubernetes.client import METADATA, Api
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.object_status import ObjectStatusAdapter
from adapters.kubernetes.secret_probe import SecretProbeAdapter
from coppice.environment.references import ObjectRef
from coppice.reconciler.errors import Gone, Rejected, Unreachable
from devtools.emulators.emulator import Failure as Fail
from devtools.emulators.kubernetes.kinds import STORED
from tests.integration.adapters.raw import Answer, Asked, json_reply, raw_server
from tests.integration.adapters.worlds import Cluster

SECRET = ObjectRef("v1", "Secret", "web")
SECRET_PATH = "/api/v1/namespaces/x/secrets/web"
OTHERS = [
    ObjectRef(kind.api_version, kind.name, "web")
    for kind in STORED
    if kind.namespaced and kind.name != "Secret"
]
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Recording:
    """An API server that knows ConfigMaps and Secrets, each of which holds a password."""

    def __init__(self) -> None:
        self.sent: list[Asked] = []

    def answer(self, asked: Asked) -> Answer:
        path = urlsplit(asked.target).path
        if path in {"/api", "/apis"}:
            return json_reply(200, {"kind": "APIGroupDiscoveryList", "items": _DISCOVERED[path]})
        self.sent.append(asked)
        metadata = {"name": "web", "uid": "1", "resourceVersion": "7"}
        return json_reply(200, {"kind": "PartialObjectMetadata", "metadata": metadata})


_RESOURCES = [
    {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced"}
    for plural, kind in {"configmaps": "ConfigMap", "secrets": "Secret"}.items()
]
_DISCOVERED: dict[str, Any] = {
    "/api": [{"versions": [{"version": "v1", "resources": _RESOURCES}]}],
    "/apis": [],
}


def test_no_object_but_a_secret_is_read_by_anything_but_get(cluster: Cluster) -> None:
    cluster.namespace("x")
    discovery, probe = Discovery(cluster.api), SecretProbeAdapter(cluster.api)
    application = ApplicationReaderAdapter(cluster.api, discovery, probe)
    before = len(cluster.asked(*WRITES))

    application.live("x", OTHERS)
    application.rollout("x")
    application.cron_jobs("x")
    application.hosts()
    ObjectStatusAdapter(cluster.api, discovery, probe).statuses("x", OTHERS)

    assert cluster.asked(*WRITES)[before:] == []


@pytest.mark.parametrize("look", ["live", "statuses"])
def test_of_what_holds_values_the_metadata_alone_are_asked_for(look: str) -> None:
    server = Recording()
    with raw_server(server.answer) as raw:
        api = Api(Configuration(host=raw.url))
        discovery, probe = Discovery(api), SecretProbeAdapter(api)
        refs = [ObjectRef("v1", "ConfigMap", "web"), SECRET]
        if look == "live":
            assert len(ApplicationReaderAdapter(api, discovery, probe).live("x", refs)) == 2
        else:
            assert len(ObjectStatusAdapter(api, discovery, probe).statuses("x", refs)) == 2

    config_map, secret = sorted(server.sent, key=lambda each: each.method)  # GET, PATCH: read concurrently
    assert {config_map.headers["accept"], secret.headers["accept"]} == {METADATA}
    assert (config_map.method, secret.method) == ("GET", "PATCH")
    assert parse_qs(urlsplit(secret.target).query)["dryRun"] == ["All"]
    assert secret.body == b"{}"


def test_a_probe_changes_nothing_and_brings_no_values(cluster: Cluster) -> None:
    cluster.namespace("x")
    cluster.made("/api/v1/namespaces/x/secrets", {"metadata": {"name": "web"}, "stringData": {"a": "b"}})
    before = cluster.standing(SECRET_PATH)

    assert SecretProbeAdapter(cluster.api).metadata("x", "web") == before["metadata"]
    assert cluster.standing(SECRET_PATH) == before


def test_a_secret_that_is_not_there_is_gone_and_none_that_cannot_be_read(cluster: Cluster) -> None:
    cluster.namespace("x")
    probe = SecretProbeAdapter(cluster.api)
    with pytest.raises(Gone):
        probe.metadata("x", "web")

    cluster.emulator.fail(Fail(status=500, method="PATCH", times=3))
    with pytest.raises(Unreachable):
        probe.metadata("x", "web")


def test_a_probe_that_is_not_answered_is_asked_again_since_it_changes_nothing(cluster: Cluster) -> None:
    cluster.namespace("x")
    cluster.made("/api/v1/namespaces/x/secrets", {"metadata": {"name": "web"}})
    cluster.emulator.fail(Fail(status=500, method="PATCH", times=2))

    assert SecretProbeAdapter(cluster.api).metadata("x", "web")["name"] == "web"


def test_a_server_that_cannot_send_metadata_alone_sends_nothing(cluster: Cluster) -> None:
    cluster.namespace("x")
    with pytest.raises(Rejected, match="is a list"):
        cluster.api.get("/api/v1/namespaces/x/secrets", accept=METADATA)
