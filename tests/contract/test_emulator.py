"""What only the emulator can do: the clock stands still, images cannot be pulled, old pages are forgotten."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.serving import serving

MERGE = {"Content-Type": "application/merge-patch+json"}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster(clock: Clock) -> Iterator[httpx.Client]:
    with serving(kubernetes_app(clock=clock)) as url, httpx.Client(base_url=url) as client:
        client.post("/api/v1/namespaces", json={"metadata": {"name": "here"}})
        yield client


WEB = "/apis/apps/v1/namespaces/here/deployments/web"


def deploy(cluster: httpx.Client, image: str = "web:1") -> None:
    labels = {"app": "web"}
    containers = [{"name": "web", "image": image}]
    document = {
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }
    cluster.post("/apis/apps/v1/namespaces/here/deployments", json=document).raise_for_status()


def play(cluster: httpx.Client, **settings: Any) -> None:
    cluster.post("/_emulator/player", json=settings).raise_for_status()


def available(cluster: httpx.Client) -> int:
    found = cluster.get(WEB).json()["status"].get("availableReplicas", 0)
    assert isinstance(found, int)
    return found


def pods(cluster: httpx.Client) -> list[dict[str, Any]]:
    found = cluster.get("/api/v1/namespaces/here/pods").json()["items"]
    assert isinstance(found, list)
    return found


def test_a_pod_is_ready_when_its_time_has_come(cluster: httpx.Client, clock: Clock) -> None:
    deploy(cluster)

    clock.move(0.29)
    before = available(cluster)
    clock.move(0.01)

    assert (before, available(cluster)) == (0, 1)


def test_nothing_becomes_ready_while_the_kubelet_is_stopped(cluster: httpx.Client, clock: Clock) -> None:
    play(cluster, ready_seconds=None)
    deploy(cluster)

    clock.move(3600)
    stopped = available(cluster)
    play(cluster, ready_seconds=1)

    assert (stopped, available(cluster)) == (0, 1)
    told = {one["type"]: one["status"] for one in cluster.get(WEB).json()["status"]["conditions"]}
    assert told == {"Available": "True", "Progressing": "True"}


def test_an_image_that_cannot_be_pulled_is_named_until_it_can(cluster: httpx.Client, clock: Clock) -> None:
    play(cluster, unpullable_images=["web:*"])
    deploy(cluster, "web:1")
    clock.move(1)

    (pod,) = pods(cluster)

    assert pod["status"]["phase"] == "Pending"
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"] == {
        "reason": "ImagePullBackOff",
        "message": 'Back-off pulling image "web:1"',
    }
    assert available(cluster) == 0
    play(cluster, unpullable_images=[])
    assert available(cluster) == 1


def test_the_old_pods_stay_until_the_new_ones_are_ready(cluster: httpx.Client, clock: Clock) -> None:
    deploy(cluster, "web:1")
    clock.move(1)
    play(cluster, unpullable_images=["web:2"])
    containers = [{"name": "web", "image": "web:2"}]
    template = {"spec": {"template": {"spec": {"containers": containers}}}}

    cluster.patch(WEB, headers=MERGE, json=template)
    clock.move(1)

    status = cluster.get(WEB).json()["status"]
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (2, 1, 1)
    play(cluster, unpullable_images=[])
    assert [pod["spec"]["containers"][0]["image"] for pod in pods(cluster)] == ["web:2"]


def test_a_namespace_is_seen_terminating_for_a_while(cluster: httpx.Client, clock: Clock) -> None:
    play(cluster, termination_seconds=5)
    deploy(cluster)
    cluster.delete("/api/v1/namespaces/here")

    clock.move(4.9)
    before = cluster.get("/api/v1/namespaces/here")
    clock.move(0.1)

    assert before.json()["status"]["phase"] == "Terminating"
    assert pods(cluster) == []
    assert cluster.get("/api/v1/namespaces/here").status_code == 404


def test_an_old_page_has_expired(cluster: httpx.Client) -> None:
    token = cluster.get("/api/v1/namespaces", params={"limit": 1}).json()["metadata"]["continue"]
    for _ in range(100):
        cluster.get("/api/v1/namespaces", params={"limit": 1})

    late = cluster.get("/api/v1/namespaces", params={"limit": 1, "continue": token})

    assert (late.status_code, late.json()["reason"]) == (410, "Expired")


def test_it_fails_when_it_is_told_to(cluster: httpx.Client) -> None:
    failure = {"status": 503, "path_prefix": "/api/v1/namespaces", "retry_after": 7}
    cluster.post("/_emulator/fail", json=failure).raise_for_status()

    failed = cluster.get("/api/v1/namespaces")

    assert (failed.status_code, failed.headers["Retry-After"]) == (503, "7")
    assert (failed.json()["kind"], failed.json()["reason"]) == ("Status", "ServiceUnavailable")
    assert cluster.get("/api/v1/namespaces").status_code == 200
    requests = cluster.get("/_emulator/requests").json()
    assert [one["status"] for one in requests][-2:] == [503, 200]


def test_settings_that_it_does_not_have_are_refused(cluster: httpx.Client) -> None:
    assert cluster.post("/_emulator/player", json={"redy_seconds": 1}).status_code == 400
    assert cluster.post("/_emulator/player", content="x").status_code == 400


def test_what_it_does_not_know_it_refuses_instead_of_answering_wrongly(cluster: httpx.Client) -> None:
    for query in ({"fieldSelector": "metadata.name=a"}, {"watch": "true"}):
        assert cluster.get("/api/v1/namespaces", params=query).status_code == 400


NODE = {"metadata": {"name": "one"}}


def test_a_node_is_ready_when_its_time_has_come(cluster: httpx.Client, clock: Clock) -> None:
    play(cluster, node_ready_seconds=60)
    cluster.post("/api/v1/nodes", json=NODE).raise_for_status()
    deploy(cluster)
    clock.move(59)
    before = pods(cluster)[0]["spec"].get("nodeName")

    clock.move(1)

    assert (before, pods(cluster)[0]["spec"]["nodeName"]) == (None, "one")


def test_a_node_that_goes_takes_its_pods_along_and_no_other_pod_runs_without_a_node(
    cluster: httpx.Client, clock: Clock
) -> None:
    cluster.post("/api/v1/nodes", json=NODE).raise_for_status()
    deploy(cluster)
    clock.move(1)
    assert available(cluster) == 1
    (before,) = pods(cluster)

    cluster.delete("/api/v1/nodes/one").raise_for_status()
    clock.move(1)

    (after,) = pods(cluster)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["status"]["phase"] == "Pending"
    assert available(cluster) == 0
