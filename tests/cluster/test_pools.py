"""Agent pools of the ARM emulator as nodes: the real scheduler and the real eviction API take part."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_kubeconfig
from devtools.cluster.nodes import node
from devtools.cluster.waiting import wait_for
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.nodes import keeping_nodes
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import Pool, example_world
from devtools.emulators.serving import serving

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        bool(os.environ.get("KUBECONFIG_TEST")), reason="a cluster that was named has no kwok to play nodes"
    ),
]

SYSTEM = "system"


@pytest.fixture
def pool(api: httpx.Client) -> Iterator[str]:
    """Return the name of a user pool of the test's own, whose nodes are removed afterwards."""
    name = f"p{uuid.uuid4().hex[:8]}"
    yield name
    for each in (*nodes(api, name), *nodes(api, SYSTEM)):
        api.delete(f"/api/v1/nodes/{each['metadata']['name']}").raise_for_status()


def arm(pool: str, count: int) -> ArmState:
    pools = (Pool(name=SYSTEM, mode="System", count=1), Pool(name=pool, mode="User", count=count))
    return ArmState(world=example_world().model_copy(update={"pools": pools}))


def kept(state: ArmState, kubeconfig: Path) -> AbstractContextManager[None]:
    return keeping_nodes(state, Api(by_kubeconfig(str(kubeconfig))))


def nodes(api: httpx.Client, pool: str) -> list[Any]:
    selector = {"labelSelector": f"agentpool={pool}"}
    found: list[Any] = api.get("/api/v1/nodes", params=selector).raise_for_status().json()["items"]
    return found


def names(api: httpx.Client, pool: str) -> list[str]:
    return [each["metadata"]["name"] for each in nodes(api, pool)]


def pods(api: httpx.Client, namespace: str) -> list[tuple[str, str]]:
    items = api.get(f"/api/v1/namespaces/{namespace}/pods").raise_for_status().json()["items"]
    return sorted((each["status"]["phase"], each["spec"].get("nodeName", "")) for each in items)


def deploy(api: httpx.Client, namespace: str, *, replicas: int = 1, pool: str | None = None) -> None:
    """Run a web server, on one pool or anywhere."""
    container = {"name": "web", "image": "registry.example/web:1"}
    place = {} if pool is None else {"nodeSelector": {"kubernetes.azure.com/agentpool": pool}}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container], **place}},
    }
    body = {"metadata": {"name": "web"}, "spec": spec}
    api.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", json=body).raise_for_status()


def protect(api: httpx.Client, namespace: str) -> str:
    """Let no pod of the web server be evicted; returns the budget's path."""
    budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    spec = {"minAvailable": 100, "selector": {"matchLabels": {"app": "web"}}}
    api.post(budgets, json={"metadata": {"name": "web"}, "spec": spec}).raise_for_status()
    return f"{budgets}/web"


class Azure:
    """ARM, as a scheduler asks it for one pool."""

    def __init__(self, http: httpx.Client, state: ArmState, pool: str) -> None:
        group = f"/subscriptions/{state.world.subscription}/resourceGroups/rg-coppice/providers"
        self._pools = f"{group}/Microsoft.ContainerService/managedClusters/aks-coppice/agentPools"
        self._http, self._pool, self.state = http, pool, state

    def scale(self, count: int) -> str:
        """Change the count; returns the operation's address."""
        current = self._http.get(f"{self._pools}/{self._pool}").raise_for_status().json()["properties"]
        body = {"properties": current | {"count": count}}
        answer = self._http.put(f"{self._pools}/{self._pool}", json=body).raise_for_status()
        return answer.headers["Azure-AsyncOperation"]

    def is_succeeded(self) -> bool:
        pool = self._http.get(f"{self._pools}/{self._pool}").raise_for_status().json()
        return bool(pool["properties"]["provisioningState"] == "Succeeded")

    def status(self, operation: str) -> str:
        return str(self._http.get(operation).raise_for_status().json()["status"])

    def waits_for(self) -> str:
        state = self._http.get("/_emulator/state").raise_for_status().json()
        return str(state["nodes_wait_for"].get(self._pool, ""))


@pytest.fixture
def azure(api: httpx.Client, kubeconfig: Path, pool: str) -> Iterator[Azure]:
    """Return ARM with one node in the pool, which takes pods."""
    state = arm(pool, 1)
    with (
        serving(arm_app(state)) as url,
        httpx.Client(base_url=url) as http,
        kept(state, kubeconfig),
    ):
        # A new node is tainted as not ready until the node controller has seen that it is.
        wait_for(
            "the taint to go", lambda: ["taints" in each["spec"] for each in nodes(api, pool)] == [False]
        )
        yield Azure(http, state, pool)


def test_a_pools_nodes_are_named_and_labelled_as_on_aks(api: httpx.Client, azure: Azure, pool: str) -> None:
    for name, mode in ((SYSTEM, "system"), (pool, "user")):
        (machine,) = nodes(api, name)
        labels = machine["metadata"]["labels"]
        assert machine["metadata"]["name"].startswith(f"aks-{name}-")
        assert machine["metadata"]["name"].endswith("-vmss000000")
        assert labels["agentpool"] == labels["kubernetes.azure.com/agentpool"] == name
        assert labels["kubernetes.azure.com/mode"] == mode
        assert labels["kubernetes.io/os"] == "linux"
        assert labels["kubernetes.io/hostname"] == machine["metadata"]["name"]
        assert labels["pool"] == name  # the pool's own


def test_pods_of_a_pool_at_zero_are_pending_and_run_when_it_is_back(
    api: httpx.Client, azure: Azure, pool: str, namespace: str
) -> None:
    (machine,) = names(api, pool)
    deploy(api, namespace, replicas=2, pool=pool)
    wait_for("the pods to run", lambda: pods(api, namespace) == [("Running", machine)] * 2)

    asleep = azure.scale(0)
    wait_for("the pool to be at 0", azure.is_succeeded)
    assert azure.status(asleep) == "Succeeded"
    assert names(api, pool) == []
    assert len(names(api, SYSTEM)) == 1
    wait_for("new pods", lambda: len(pods(api, namespace)) == 2)
    assert pods(api, namespace) == [("Pending", "")] * 2

    azure.scale(2)
    wait_for("the pool to be back", azure.is_succeeded)
    machines = names(api, pool)
    assert len(machines) == 2
    wait_for("the pods to run", lambda: [phase for phase, _ in pods(api, namespace)] == ["Running"] * 2)
    assert {where for _, where in pods(api, namespace)} <= set(machines)


def test_a_disruption_budget_holds_the_drain_until_it_goes(
    api: httpx.Client, azure: Azure, pool: str, namespace: str
) -> None:
    (machine,) = nodes(api, pool)
    deploy(api, namespace, pool=pool)
    name = machine["metadata"]["name"]
    wait_for("the pod to run", lambda: pods(api, namespace) == [("Running", name)])
    budget = protect(api, namespace)

    operation = azure.scale(0)

    wait_for("the budget to be met", lambda: "disruption budget" in azure.waits_for())
    assert not azure.is_succeeded()
    assert azure.status(operation) == "InProgress"
    (machine,) = nodes(api, pool)
    assert machine["spec"]["unschedulable"]
    assert pods(api, namespace) == [("Running", name)]

    api.delete(budget).raise_for_status()

    wait_for("the drain to go on", azure.is_succeeded)
    assert azure.status(operation) == "Succeeded"
    assert azure.waits_for() == ""
    assert names(api, pool) == []
    wait_for("a new pod", lambda: pods(api, namespace) == [("Pending", "")])


def test_the_pods_of_a_daemon_set_do_not_hold_a_drain(
    api: httpx.Client, azure: Azure, pool: str, namespace: str
) -> None:
    (machine,) = names(api, pool)
    container = {"name": "web", "image": "registry.example/web:1"}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    body = {
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template},
    }
    api.post(f"/apis/apps/v1/namespaces/{namespace}/daemonsets", json=body).raise_for_status()
    wait_for("its pod there", lambda: ("Running", machine) in pods(api, namespace))
    protect(api, namespace)

    azure.scale(0)

    wait_for("the drain", azure.is_succeeded)
    assert names(api, pool) == []


def test_a_pod_that_names_no_pool_moves_to_another_node(
    api: httpx.Client, azure: Azure, pool: str, namespace: str
) -> None:
    (machine,) = names(api, pool)
    deploy(api, namespace, replicas=6)
    wait_for("the pods to run", lambda: [phase for phase, _ in pods(api, namespace)] == ["Running"] * 6)
    assert machine in {where for _, where in pods(api, namespace)}

    azure.scale(0)
    wait_for("the drain", azure.is_succeeded)

    wait_for("the pods to run", lambda: [phase for phase, _ in pods(api, namespace)] == ["Running"] * 6)
    assert machine not in {where for _, where in pods(api, namespace)}


def test_nodes_that_stand_are_adopted_after_a_restart_and_surplus_ones_drained(
    api: httpx.Client, kubeconfig: Path, pool: str
) -> None:
    with kept(arm(pool, 3), kubeconfig):
        first = {each["metadata"]["uid"] for each in nodes(api, pool)}
    assert len(first) == 3

    with kept(arm(pool, 2), kubeconfig):
        wait_for("the surplus to go", lambda: len(nodes(api, pool)) == 2)
        left = {each["metadata"]["uid"] for each in nodes(api, pool)}

    assert left < first


def test_a_drain_that_a_restart_interrupted_is_taken_back_where_the_node_stays(
    api: httpx.Client, kubeconfig: Path, pool: str, namespace: str
) -> None:
    with kept(arm(pool, 1), kubeconfig):
        deploy(api, namespace, pool=pool)
        where = node(pool, 0)["metadata"]["name"]
        wait_for("the pod to run", lambda: pods(api, namespace) == [("Running", where)])
    protect(api, namespace)

    def is_cordoned() -> bool:
        return [bool(each["spec"].get("unschedulable")) for each in nodes(api, pool)] == [True]

    with kept(arm(pool, 0), kubeconfig):
        wait_for("the cordon", is_cordoned)
    with kept(arm(pool, 1), kubeconfig):
        assert not is_cordoned()
    assert pods(api, namespace) == [("Running", where)]


def test_machines_that_are_deallocated_stay_nodes_that_are_not_ready_and_start_again(
    api: httpx.Client, azure: Azure, pool: str
) -> None:
    def ready() -> list[str]:
        conditions = [one for each in nodes(api, pool) for one in each["status"].get("conditions", ())]
        return [one["status"] for one in conditions if one["type"] == "Ready"]

    (before,) = names(api, pool)
    azure.state.pools[pool]["scaleDownMode"] = "Deallocate"
    azure.scale(0)
    wait_for("the machine to be off", lambda: azure.is_succeeded() and ready() == ["Unknown"])
    time.sleep(2)  # nobody makes it ready meanwhile
    assert ready() == ["Unknown"]
    azure.scale(1)
    wait_for("the machine to be on", lambda: azure.is_succeeded() and ready() == ["True"])
    assert names(api, pool) == [before]
    wait_for("pods to be let in", lambda: not nodes(api, pool)[0]["spec"].get("unschedulable"))
