"""Evictions, and the PodDisruptionBudgets that hold them up: what keeps a drain from ending."""

from typing import Any

import httpx
import pytest

from devtools.cluster.waiting import wait_for

LABELS = {"app": "web"}


class Web:
    """A web server of some replicas, and its budgets."""

    def __init__(self, api: httpx.Client, namespace: str) -> None:
        self.api = api
        self.core = f"/api/v1/namespaces/{namespace}"
        self.apps = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        self.budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"

    def run(self, replicas: int) -> None:
        containers = [{"name": "web", "image": "web:1"}]
        template = {"metadata": {"labels": LABELS}, "spec": {"containers": containers}}
        spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
        self.api.post(self.apps, json={"metadata": {"name": "web"}, "spec": spec}).raise_for_status()
        path = f"{self.apps}/web"
        wait_for(
            "pods to be ready",
            lambda: self.api.get(path).json()["status"].get("readyReplicas", 0) == replicas,
        )

    def protect(self, name: str = "web", **spec: Any) -> None:
        body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": LABELS}, **spec}}
        self.api.post(self.budgets, json=body).raise_for_status()
        wait_for("the budget to be counted", lambda: self.counts(name)["expectedPods"] > 0)

    def counts(self, name: str = "web") -> dict[str, int]:
        status = self.api.get(f"{self.budgets}/{name}").json().get("status", {})
        counted = ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
        return {count: status.get(count, 0) for count in counted}

    def pods(self) -> list[dict[str, Any]]:
        found = self.api.get(f"{self.core}/pods").json()["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def evict(self, pod: str, **body: Any) -> httpx.Response:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}} | body
        return self.api.post(f"{self.core}/pods/{pod}/eviction", json=eviction)


@pytest.fixture
def web(api: httpx.Client, namespace: str) -> Web:
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    wait_for("the default service account", lambda: api.get(account).is_success)
    return Web(api, namespace)


def name_and_uid(pod: dict[str, Any]) -> tuple[str, str]:
    return pod["metadata"]["name"], pod["metadata"]["uid"]


def test_an_evicted_pod_goes_and_another_comes(web: Web) -> None:
    web.run(1)
    name, uid = name_and_uid(web.pods()[0])

    evicted = web.evict(name)

    assert evicted.status_code == 201
    assert (evicted.json()["kind"], evicted.json()["status"]) == ("Status", "Success")
    wait_for("another pod", lambda: [name_and_uid(pod)[1] for pod in web.pods()] not in ([uid], []))


def test_a_budget_that_has_nothing_to_spare_keeps_the_pod_and_says_so(web: Web) -> None:
    web.run(1)
    web.protect(minAvailable=1)
    name, uid = name_and_uid(web.pods()[0])

    refused = web.evict(name)

    said = refused.json()
    assert (refused.status_code, said["reason"]) == (429, "TooManyRequests")
    assert said["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert said["details"]["causes"] == [
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget web needs 1 healthy pods and has 1 currently",
        }
    ]
    assert [name_and_uid(pod)[1] for pod in web.pods()] == [uid]


@pytest.mark.parametrize(
    ("replicas", "spec", "desired", "allowed"),
    [
        (2, {"minAvailable": 1}, 1, 1),
        (3, {"minAvailable": "50%"}, 2, 1),
        (2, {"maxUnavailable": 1}, 1, 1),
        (3, {"maxUnavailable": "34%"}, 1, 2),
        (1, {"maxUnavailable": 0}, 1, 0),
        (1, {"minAvailable": 2}, 2, 0),
    ],
)
def test_a_budget_counts_how_many_pods_may_go(
    web: Web, replicas: int, spec: dict[str, Any], desired: int, allowed: int
) -> None:
    web.run(replicas)

    web.protect(**spec)

    expected = {
        "expectedPods": replicas,
        "currentHealthy": replicas,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
    }
    wait_for(f"the counts to be {expected}", lambda: web.counts() == expected)


def test_what_the_budget_can_spare_goes_and_the_rest_stays(web: Web) -> None:
    web.run(2)
    web.protect(minAvailable=2)
    name, _ = name_and_uid(web.pods()[0])
    before = web.evict(name).status_code

    path, merge = f"{web.budgets}/web", {"Content-Type": "application/merge-patch+json"}
    web.api.patch(path, json={"spec": {"minAvailable": 1}}, headers=merge).raise_for_status()
    wait_for("the budget to be counted anew", lambda: web.counts()["disruptionsAllowed"] == 1)

    assert (before, web.evict(name).status_code) == (429, 201)


def test_two_budgets_for_one_pod_are_more_than_an_eviction_understands(web: Web) -> None:
    web.run(2)
    web.protect("one", minAvailable=0)
    web.protect("two", minAvailable=0)

    refused = web.evict(name_and_uid(web.pods()[0])[0])

    assert refused.status_code == 500
    assert "more than one PodDisruptionBudget" in refused.json()["message"]


def test_an_eviction_is_of_the_very_pod_that_is_meant(web: Web) -> None:
    web.run(1)
    name, _ = name_and_uid(web.pods()[0])

    other = web.evict(name, metadata={"name": "another"})
    older = web.evict(name, deleteOptions={"preconditions": {"uid": "that-of-the-old-one"}})
    missing = web.evict("none")

    assert (other.status_code, other.json()["reason"]) == (400, "BadRequest")
    assert (older.status_code, older.json()["reason"]) == (409, "Conflict")
    assert (missing.status_code, missing.json()["reason"]) == (404, "NotFound")
    assert web.pods()[0]["metadata"]["name"] == name
