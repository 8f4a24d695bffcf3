"""Nodes: which pods they take, and what is said of a pod that none takes."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from devtools.cluster.nodes import node
from devtools.cluster.waiting import wait_for
from devtools.emulators.kubernetes.app import kubernetes_app
from devtools.emulators.serving import serving

NODES = "/api/v1/nodes"
MERGE = {"Content-Type": "application/merge-patch+json"}
POOL = "kubernetes.azure.com/agentpool"


@pytest.fixture
def api(api: httpx.Client) -> Iterator[httpx.Client]:
    """Return the same, but an emulator of the test's own: once it has nodes, no pod runs without."""
    if api.base_url.scheme == "https":
        yield api
        return
    with serving(kubernetes_app()) as url, httpx.Client(base_url=url) as client:
        yield client


class Pool:
    """A pool of one node that no other test uses, and pods that want it."""

    def __init__(self, api: httpx.Client, namespace: str) -> None:
        self.api = api
        self.name = f"p{uuid.uuid4().hex[:8]}"
        self.node = node(self.name, 0)
        self.path = f"{NODES}/{self.node['metadata']['name']}"
        self.pods = f"/api/v1/namespaces/{namespace}/pods"

    def start(self, **spec: Any) -> dict[str, Any]:
        made = self.api.post(NODES, json=self.node | ({"spec": spec} if spec else {}))
        made.raise_for_status()
        document = made.json()
        assert isinstance(document, dict)
        return document

    def run(self, **spec: Any) -> None:
        containers = [{"name": "web", "image": "web:1"}]
        place = {"nodeSelector": {POOL: self.name}, "containers": containers} | spec
        body = {"metadata": {"name": "web"}, "spec": place}
        self.api.post(self.pods, json=body).raise_for_status()

    def pod(self) -> dict[str, Any]:
        found = self.api.get(f"{self.pods}/web").json()
        assert isinstance(found, dict)
        return found

    def condition(self) -> dict[str, Any]:
        told = self.pod()["status"].get("conditions", ())
        return next((one for one in told if one["type"] == "PodScheduled"), {})

    def is_bound(self) -> bool:
        return bool(self.pod()["spec"].get("nodeName") == self.node["metadata"]["name"])

    def stays_pending(self) -> None:
        wait_for("the scheduler to give up", lambda: self.condition().get("status") == "False")
        assert self.condition()["reason"] == "Unschedulable"
        assert self.pod()["status"]["phase"] == "Pending"
        assert "nodeName" not in self.pod()["spec"]


@pytest.fixture
def pool(api: httpx.Client, namespace: str) -> Iterator[Pool]:
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    wait_for("the default service account", lambda: api.get(account).is_success)
    pool = Pool(api, namespace)
    yield pool
    api.delete(pool.path)


def test_a_node_keeps_what_it_says_it_has_to_offer_and_becomes_ready(api: httpx.Client, pool: Pool) -> None:
    made = pool.start()

    assert made["status"]["allocatable"]["cpu"] == "8"
    wait_for(
        "the node to be ready",
        lambda: any(
            (one["type"], one["status"]) == ("Ready", "True")
            for one in api.get(pool.path).json()["status"].get("conditions", ())
        ),
    )


def test_a_pod_goes_to_the_node_that_its_selector_means(pool: Pool) -> None:
    pool.start()

    pool.run()

    wait_for("the pod to run", lambda: pool.pod()["status"]["phase"] == "Running")
    assert pool.is_bound()
    assert pool.condition()["status"] == "True"


def test_a_pod_that_no_node_takes_waits_until_there_is_one(api: httpx.Client, pool: Pool) -> None:
    api.post(NODES, json=node(f"{pool.name}x", 0)).raise_for_status()
    pool.run()
    pool.stays_pending()

    pool.start()

    wait_for("the pod to be bound", pool.is_bound)
    api.delete(f"{NODES}/{node(f'{pool.name}x', 0)['metadata']['name']}")


def test_a_cordoned_node_takes_no_more_pods(api: httpx.Client, pool: Pool) -> None:
    pool.start(unschedulable=True)
    pool.run()
    pool.stays_pending()

    api.patch(pool.path, json={"spec": {"unschedulable": None}}, headers=MERGE).raise_for_status()

    wait_for("the pod to be bound", pool.is_bound)


@pytest.mark.parametrize(
    ("toleration", "taken"),
    [
        ({"key": "pool", "value": "prod", "effect": "NoSchedule"}, True),
        ({"key": "pool", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "pool", "value": "dev"}, False),
        ({"key": "pool", "value": "prod", "effect": "NoExecute"}, False),
    ],
)
def test_a_taint_keeps_off_what_does_not_tolerate_it(
    pool: Pool, toleration: dict[str, str], taken: bool
) -> None:
    pool.start(taints=[{"key": "pool", "value": "prod", "effect": "NoSchedule"}])

    pool.run(tolerations=[toleration])

    if taken:
        wait_for("the pod to be bound", pool.is_bound)
    else:
        pool.stays_pending()


@pytest.mark.parametrize(("operator", "taken"), [("In", True), ("NotIn", False), ("Exists", False)])
def test_required_affinity_is_heeded(pool: Pool, operator: str, taken: bool) -> None:
    """`Exists` asks for a label that no node has."""
    pool.start()
    one = {"key": POOL, "operator": operator, "values": [pool.name]}
    if operator == "Exists":
        one = {"key": "coppice.dev/none", "operator": operator}
    required = {"nodeSelectorTerms": [{"matchExpressions": [one]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}

    pool.run(affinity=affinity)

    if taken:
        wait_for("the pod to be bound", pool.is_bound)
    else:
        pool.stays_pending()
