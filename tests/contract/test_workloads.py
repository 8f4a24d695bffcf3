"""What controllers do: pods come, become ready, and go with what owns them."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from devtools.cluster.waiting import wait_for

MERGE = {"Content-Type": "application/merge-patch+json"}
Apply = Callable[..., httpx.Response]


def workload(kind: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
            **spec,
        },
    }


class Cluster:
    def __init__(self, api: httpx.Client, namespace: str) -> None:
        self.api = api
        self.apps = f"/apis/apps/v1/namespaces/{namespace}"
        self.jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self.core = f"/api/v1/namespaces/{namespace}"

    def pods(self) -> list[dict[str, Any]]:
        found = self.api.get(f"{self.core}/pods").json()["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def wait_for_rollout(self, plural: str, replicas: int) -> dict[str, Any]:
        def done() -> bool:
            live = self.api.get(f"{self.apps}/{plural}/web").json()
            status = live["status"]
            counts = {status.get(count, 0) for count in ("replicas", "updatedReplicas", "availableReplicas")}
            return status.get("observedGeneration") == live["metadata"]["generation"] and counts == {replicas}

        wait_for(f"{plural} to roll out", done)
        status = self.api.get(f"{self.apps}/{plural}/web").json()["status"]
        assert isinstance(status, dict)
        return status


@pytest.fixture
def cluster(api: httpx.Client, namespace: str) -> Cluster:
    # Pods are refused until the namespace has this account.
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    wait_for("the default service account", lambda: api.get(account).status_code == 200)
    return Cluster(api, namespace)


def test_a_deployment_becomes_available(cluster: Cluster) -> None:
    made = cluster.api.post(f"{cluster.apps}/deployments", json=workload("Deployment", replicas=2))

    assert made.json()["metadata"]["generation"] == 1
    status = cluster.wait_for_rollout("deployments", 2)
    assert status["readyReplicas"] == 2
    assert "unavailableReplicas" not in status
    told = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert told["Available"] == ("True", "MinimumReplicasAvailable")
    assert told["Progressing"][0] == "True"


def test_its_pods_belong_to_a_replica_set_that_belongs_to_it(cluster: Cluster) -> None:
    made = cluster.api.post(f"{cluster.apps}/deployments", json=workload("Deployment", replicas=1)).json()
    cluster.wait_for_rollout("deployments", 1)

    (pod,) = cluster.pods()
    (replica_set,) = cluster.api.get(f"{cluster.apps}/replicasets").json()["items"]

    mark = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert pod["metadata"]["labels"] == {"app": "web", "pod-template-hash": mark}
    for owned, owner, kind in ((pod, replica_set, "ReplicaSet"), (replica_set, made, "Deployment")):
        assert owned["metadata"]["ownerReferences"] == [
            {
                "apiVersion": "apps/v1",
                "kind": kind,
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    assert pod["status"]["phase"] == "Running"
    assert {one["type"]: one["status"] for one in pod["status"]["conditions"]}["Ready"] == "True"
    assert pod["status"]["containerStatuses"][0]["ready"] is True


def test_a_changed_template_replaces_the_pods(cluster: Cluster) -> None:
    cluster.api.post(f"{cluster.apps}/deployments", json=workload("Deployment", replicas=2))
    cluster.wait_for_rollout("deployments", 2)
    containers = [{"name": "web", "image": "web:2"}]

    changed = cluster.api.patch(
        f"{cluster.apps}/deployments/web",
        headers=MERGE,
        json={"spec": {"template": {"spec": {"containers": containers}}}},
    )

    assert changed.json()["metadata"]["generation"] == 2
    assert changed.json()["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert cluster.wait_for_rollout("deployments", 2)["observedGeneration"] == 2
    wait_for(
        "the old pods to go",
        lambda: [pod["spec"]["containers"][0]["image"] for pod in cluster.pods()] == ["web:2"] * 2,
    )
    live = cluster.api.get(f"{cluster.apps}/deployments/web").json()
    assert live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


@pytest.mark.parametrize(("kind", "plural"), [("Deployment", "deployments"), ("StatefulSet", "statefulsets")])
def test_what_is_scaled_to_zero_has_no_pods(cluster: Cluster, kind: str, plural: str) -> None:
    cluster.api.post(f"{cluster.apps}/{plural}", json=workload(kind, replicas=2))
    cluster.wait_for_rollout(plural, 2)

    cluster.api.patch(f"{cluster.apps}/{plural}/web", headers=MERGE, json={"spec": {"replicas": 0}})

    cluster.wait_for_rollout(plural, 0)
    wait_for("the pods to go", lambda: cluster.pods() == [])


def test_a_stateful_set_numbers_its_pods(cluster: Cluster) -> None:
    made = cluster.api.post(f"{cluster.apps}/statefulsets", json=workload("StatefulSet", replicas=2)).json()

    status = cluster.wait_for_rollout("statefulsets", 2)

    assert status["readyReplicas"] == status["currentReplicas"] == 2
    assert status["currentRevision"] == status["updateRevision"]
    first, second = cluster.pods()
    assert [first["metadata"]["name"], second["metadata"]["name"]] == ["web-0", "web-1"]
    assert first["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    assert first["metadata"]["labels"] == {
        "app": "web",
        "apps.kubernetes.io/pod-index": "0",
        "controller-revision-hash": status["updateRevision"],
        "statefulset.kubernetes.io/pod-name": "web-0",
    }


def test_a_pod_that_is_deleted_comes_again(cluster: Cluster) -> None:
    cluster.api.post(f"{cluster.apps}/deployments", json=workload("Deployment", replicas=1))
    cluster.wait_for_rollout("deployments", 1)
    (before,) = cluster.pods()

    cluster.api.delete(f"{cluster.core}/pods/{before['metadata']['name']}").raise_for_status()

    wait_for(
        "another pod",
        lambda: [before["metadata"]["uid"]] != [pod["metadata"]["uid"] for pod in cluster.pods()] != [],
    )


@pytest.mark.parametrize("policy", [None, "Background", "Foreground"])
def test_what_owned_pods_takes_them_along(cluster: Cluster, policy: str | None) -> None:
    cluster.api.post(f"{cluster.apps}/deployments", json=workload("Deployment", replicas=1))
    cluster.wait_for_rollout("deployments", 1)
    options = {} if policy is None else {"propagationPolicy": policy}

    deleted = cluster.api.request("DELETE", f"{cluster.apps}/deployments/web", json=options)

    assert deleted.status_code == 200
    assert ("deletionTimestamp" in deleted.json()["metadata"]) == (policy == "Foreground")
    wait_for("it to go", lambda: cluster.api.get(f"{cluster.apps}/deployments/web").status_code == 404)
    wait_for("its pods to go", lambda: cluster.pods() == [])
    assert cluster.api.get(f"{cluster.apps}/replicasets").json()["items"] == []


def job() -> dict[str, Any]:
    containers = [{"name": "migrate", "image": "web:1"}]
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": containers}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}, "spec": spec}


def run_job(cluster: Cluster) -> None:
    """Return once the job of this name has run."""
    cluster.api.post(cluster.jobs, json=job()).raise_for_status()
    path = f"{cluster.jobs}/migrate"
    wait_for("the job", lambda: "completionTime" in cluster.api.get(path).json()["status"])


def test_a_job_completes(cluster: Cluster) -> None:
    run_job(cluster)

    live = cluster.api.get(f"{cluster.jobs}/migrate").json()
    told = {one["type"]: one["status"] for one in live["status"]["conditions"]}
    assert told["Complete"] == "True"
    assert live["status"]["succeeded"] == 1
    (pod,) = cluster.pods()
    assert pod["status"]["phase"] == "Succeeded"
    uid = live["metadata"]["uid"]
    assert live["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "migrate"


def test_a_deleted_job_leaves_its_pods_unless_told_otherwise(cluster: Cluster) -> None:
    run_job(cluster)

    cluster.api.delete(f"{cluster.jobs}/migrate").raise_for_status()

    wait_for("it to go", lambda: cluster.api.get(f"{cluster.jobs}/migrate").status_code == 404)
    (pod,) = cluster.pods()
    assert "ownerReferences" not in pod["metadata"]


def test_a_job_can_take_its_pods_along_and_be_made_anew(cluster: Cluster) -> None:
    run_job(cluster)
    (before,) = cluster.pods()

    options = {"propagationPolicy": "Background"}
    cluster.api.request("DELETE", f"{cluster.jobs}/migrate", json=options).raise_for_status()

    wait_for("it to go", lambda: cluster.api.get(f"{cluster.jobs}/migrate").status_code == 404)
    wait_for("its pods to go", lambda: cluster.pods() == [])
    run_job(cluster)
    (after,) = cluster.pods()
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
