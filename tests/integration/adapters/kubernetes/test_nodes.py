"""Nodes, pods and budgets, from documents such as an AKS cluster lists."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes.client import Configuration

from adapters.kubernetes.client import Api
from adapters.kubernetes.nodes import NodeAdapter
from coppice.reconciler.errors import Unreachable
from scheduler.nodes import Budget, Node, Requirement, Taint, Toleration
from tests.integration.adapters.raw import Answer, Asked, json_reply, raw_server

POOL = "kubernetes.azure.com/agentpool"
READY = {"conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}]}


@contextmanager
def listing(documents: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[NodeAdapter, list[Asked]]]:
    """Lists by path; another path is not known."""

    def answer(request: Asked) -> Answer:
        path = request.target.partition("?")[0]
        if path not in documents:
            return json_reply(404, {"kind": "Status", "message": f"{path} not found"})
        return json_reply(200, {"kind": "List", "items": documents[path]})

    with raw_server(answer) as server:
        yield NodeAdapter(Api(Configuration(host=server.url))), server.asked


def a_node(*, labels: Mapping[str, str] | None = None, status: Any = READY, **spec: Any) -> Node:
    document = {"metadata": {"name": "n1", "labels": labels or {POOL: "dev"}}, "spec": spec, "status": status}
    with listing({"/api/v1/nodes": [document]}) as (adapter, _):
        (found,) = adapter.nodes()
    return found


def pod(name: str, *, on: str = "n1", status: Any = None, meta: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "dev", "labels": {"app": "web"}, **(meta or {})},
        "spec": {"nodeName": on, **spec} if on else spec,
        "status": status or {"phase": "Running", **READY},
    }


def read(document: dict[str, Any]) -> Any:
    with listing({"/api/v1/pods": [document]}) as (adapter, _):
        (found,) = adapter.pods_on(["n1"])
    return found


def test_a_node_belongs_to_the_pool_that_its_label_names() -> None:
    assert a_node() == Node(name="n1", pool="dev", ready=True, labels={POOL: "dev"})
    assert a_node(labels={"agentpool": "older"}).pool == "older"
    assert a_node(labels={"kubernetes.io/os": "linux"}).pool == ""


@pytest.mark.parametrize("status", [{"conditions": [{"type": "Ready", "status": "Unknown"}]}, {}, None])
def test_a_node_that_does_not_say_so_is_not_ready(status: Any) -> None:
    assert not a_node(status=status).ready


def test_a_node_that_is_cordoned_is_not_ready_for_pods() -> None:
    assert not a_node(unschedulable=True).ready


def test_taints_may_lack_a_value() -> None:
    taints = [{"key": "a", "effect": "NoSchedule"}, {"key": "b", "value": "c", "effect": "NoExecute"}]
    assert a_node(taints=taints).taints == (Taint("a", "", "NoSchedule"), Taint("b", "c", "NoExecute"))


def test_only_pods_that_are_bound_to_the_nodes_are_on_them() -> None:
    pods = [pod("a"), pod("b", on="n2"), pod("c", on="")]
    with listing({"/api/v1/pods": pods}) as (adapter, requests):
        assert [str(each) for each in adapter.pods_on(["n1"])] == ["dev/a"]
        assert len(requests) == 1
        assert adapter.pods_on([]) == ()
        assert len(requests) == 1


def test_the_pods_of_namespaces_are_listed_wherever_they_are() -> None:
    lists = {"/api/v1/namespaces/dev/pods": [pod("a"), pod("b", on="")]}
    with listing(lists) as (adapter, _):
        assert [(each.name, each.node, each.ready) for each in adapter.pods_in(["dev"])] == [
            ("a", "n1", True),
            ("b", "", True),
        ]


@pytest.mark.parametrize("status", [{"phase": "Succeeded"}, {"phase": "Failed"}])
def test_a_finished_pod_does_not_count(status: Any) -> None:
    assert not read(pod("a", status=status)).occupies_node


@pytest.mark.parametrize(
    "meta",
    [
        {"ownerReferences": [{"kind": "DaemonSet", "name": "x"}]},
        {"annotations": {"kubernetes.io/config.mirror": "0123"}},
    ],
)
def test_a_pod_that_belongs_to_its_node_does_not_count(meta: Any) -> None:
    assert not read(pod("a", meta=meta)).occupies_node


def test_a_pod_of_a_replica_set_counts_as_soon_as_it_is_bound_and_until_it_is_gone() -> None:
    owned = {"ownerReferences": [{"kind": "ReplicaSet", "name": "x"}]}
    found = read(pod("a", status={"phase": "Pending"}, meta=owned))
    assert (found.occupies_node, found.ready) == (True, False)
    assert read(pod("a", meta={"deletionTimestamp": "2026-03-02T20:00:00Z"})).occupies_node


def test_a_node_selector_belongs_to_each_term_of_the_affinity() -> None:
    terms = [
        {"matchExpressions": [{"key": "gpu", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["1", "2"]}]},
    ]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    found = read(pod("a", nodeSelector={POOL: "dev"}, affinity={"nodeAffinity": required}))
    chosen = Requirement(POOL, "In", ("dev",))
    assert found.node_terms == (
        (chosen, Requirement("gpu", "Exists")),
        (chosen, Requirement("zone", "In", ("1", "2"))),
    )


def test_a_pod_with_no_more_than_a_node_selector_or_nothing_at_all() -> None:
    assert read(pod("a", nodeSelector={POOL: "dev"})).node_terms == ((Requirement(POOL, "In", ("dev",)),),)
    assert read(pod("a", affinity={"nodeAffinity": {}})).node_terms == ()


def test_a_pod_that_is_tied_to_a_node_by_its_name_is_not_taken_for_one_that_can_move() -> None:
    fields = [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]
    required = {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}
    }
    assert not read(pod("a", affinity={"nodeAffinity": required})).fits(a_node())


def test_tolerations_are_read_with_their_defaults() -> None:
    tolerations = [{"operator": "Exists"}, {"key": "a", "value": "b", "effect": "NoSchedule"}]
    assert read(pod("a", tolerations=tolerations)).tolerations == (
        Toleration(operator="Exists"),
        Toleration(key="a", value="b", effect="NoSchedule"),
    )


def test_budgets_are_those_of_the_namespaces_that_were_asked_for() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}],
    }
    budget = {
        "metadata": {"name": "web", "namespace": "dev"},
        "spec": {"selector": selector},
        "status": {"disruptionsAllowed": 2},
    }
    new = {"metadata": {"name": "new", "namespace": "dev"}, "spec": {}}
    with listing({"/apis/policy/v1/namespaces/dev/poddisruptionbudgets": [budget, new]}) as (adapter, _):
        assert adapter.budgets(["dev"]) == (
            Budget(
                namespace="dev",
                name="web",
                selector=(Requirement("app", "In", ("web",)), Requirement("tier", "NotIn", ("x",))),
                disruptions_allowed=2,
            ),
            Budget(namespace="dev", name="new", selector=(), disruptions_allowed=0),
        )


def test_a_list_that_is_none_is_a_failure_and_never_an_empty_one() -> None:
    with raw_server(lambda _: json_reply(200, {"kind": "PodList"})) as server:
        adapter = NodeAdapter(Api(Configuration(host=server.url)))
        for look in (adapter.nodes, lambda: adapter.pods_on(["n1"]), lambda: adapter.pods_in(["dev"])):
            with pytest.raises(Unreachable):
                look()
