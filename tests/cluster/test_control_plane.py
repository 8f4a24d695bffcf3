"""The control plane is a real one, does what the other tests rely on, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from devtools.cluster.connection import connect
from devtools.cluster.contents import POOL
from devtools.cluster.control_plane import running_cluster
from devtools.cluster.crds import definitions
from devtools.cluster.nodes import node
from devtools.cluster.programs import kubernetes_version
from devtools.cluster.waiting import wait_for

pytestmark = pytest.mark.cluster
own_cluster = pytest.mark.skipif(
    bool(os.environ.get("KUBECONFIG_TEST")), reason="about a cluster that these tests start"
)


def deployment(name: str, *, replicas: int, **pod: Any) -> dict[str, Any]:
    labels = {"app": name}
    spec = {"containers": [{"name": "web", "image": "registry.example/web:1"}], **pod}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def available(api: httpx.Client, namespace: str, name: str) -> int:
    status = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}").json()["status"]
    return int(status.get("availableReplicas", 0))


@own_cluster
def test_the_server_is_of_the_version_that_is_pinned(api: httpx.Client) -> None:
    assert api.get("/version").json()["gitVersion"] == kubernetes_version()


@own_cluster
def test_pods_are_placed_on_a_node_of_the_pool_and_become_available(
    api: httpx.Client, namespace: str
) -> None:
    body = deployment("web", replicas=3, nodeSelector={"kubernetes.azure.com/agentpool": POOL})
    assert api.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", json=body).is_success

    wait_for("three replicas", lambda: available(api, namespace, "web") == 3)

    pods = api.get(f"/api/v1/namespaces/{namespace}/pods").json()["items"]
    assert {pod["spec"]["nodeName"] for pod in pods} == {node(POOL, 0)["metadata"]["name"]}


@own_cluster
def test_a_node_holds_a_lease_as_a_kubelet_does_so_that_it_does_not_count_as_lost(api: httpx.Client) -> None:
    path = (
        f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node(POOL, 0)['metadata']['name']}"
    )

    def renewed() -> str:
        return str(api.get(path).raise_for_status().json()["spec"]["renewTime"])

    wait_for("the lease", lambda: api.get(path).is_success)
    first = renewed()
    wait_for("its renewal", lambda: renewed() != first)


@own_cluster
def test_pods_become_ready_again_after_their_node_was_lost_for_a_while(
    api: httpx.Client, namespace: str
) -> None:
    body = deployment("web", replicas=1)
    assert api.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", json=body).is_success
    wait_for("the replica", lambda: available(api, namespace, "web") == 1)
    [pod] = api.get(f"/api/v1/namespaces/{namespace}/pods").json()["items"]
    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
    # What the node controller does: https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller
    lost = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    patched = api.patch(
        path, json=lost, headers={"Content-Type": "application/strategic-merge-patch+json"}
    ).raise_for_status()

    def seen() -> dict[str, str]:
        status = api.get(path).raise_for_status().json()["status"]
        return {each["type"]: each["status"] for each in status["conditions"]}

    assert patched.json()["status"]["phase"] == "Running"
    wait_for("the pod", lambda: seen()["Ready"] == "True")


@own_cluster
def test_pods_stay_pending_while_their_pool_has_no_node_and_run_once_it_has_one(
    api: httpx.Client, namespace: str
) -> None:
    body = deployment("web", replicas=1, nodeSelector={"agentpool": "batch"})
    assert api.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", json=body).is_success

    def unschedulable() -> bool:
        pods = api.get(f"/api/v1/namespaces/{namespace}/pods").json()["items"]
        conditions = [one for pod in pods for one in pod["status"].get("conditions") or []]
        return any(one.get("reason") == "Unschedulable" for one in conditions)

    wait_for("the scheduler to find no node", unschedulable)

    machine = node("batch", 0)
    assert api.post("/api/v1/nodes", json=machine).is_success
    try:
        wait_for("the replica", lambda: available(api, namespace, "web") == 1)
    finally:
        api.delete(f"/api/v1/nodes/{machine['metadata']['name']}")


@own_cluster
def test_a_volume_claim_is_bound_whatever_class_of_aks_it_names(api: httpx.Client, namespace: str) -> None:
    claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    resources = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "managed-csi", "resources": resources}
    assert api.post(claims, json={"metadata": {"name": "data"}, "spec": spec}).is_success

    wait_for("the claim", lambda: api.get(f"{claims}/data").json()["status"]["phase"] == "Bound")


def test_a_namespace_goes_away_with_what_is_in_it(api: httpx.Client, namespace: str) -> None:
    body = deployment("web", replicas=1)
    assert api.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", json=body).is_success
    wait_for("the replica", lambda: available(api, namespace, "web") == 1)

    assert api.delete(f"/api/v1/namespaces/{namespace}").is_success

    wait_for("the namespace to go", lambda: api.get(f"/api/v1/namespaces/{namespace}").status_code == 404)


def test_a_privileged_pod_is_refused_under_baseline(api: httpx.Client, namespace: str) -> None:
    container = {"name": "web", "image": "registry.example/web:1", "securityContext": {"privileged": True}}
    body = {"metadata": {"name": "web"}, "spec": {"containers": [container]}}

    answer = api.post(f"/api/v1/namespaces/{namespace}/pods", json=body)

    assert answer.status_code == 403
    assert 'violates PodSecurity "baseline' in answer.json()["message"]


def test_every_custom_kind_is_served(api: httpx.Client) -> None:
    for definition in definitions():
        spec = definition["spec"]
        for version in spec["versions"]:
            path = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
            assert api.get(path).status_code == (200 if version["served"] else 404), path


def test_a_monitor_of_azure_is_checked_as_its_original_is(api: httpx.Client, namespace: str) -> None:
    path = f"/apis/azmonitoring.coreos.com/v1/namespaces/{namespace}/podmonitors"
    good = {
        "apiVersion": "azmonitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "web"},
        "spec": {"selector": {}, "podMetricsEndpoints": [{"port": "metrics"}]},
    }
    assert api.post(path, json=good).status_code == 201
    bad = {**good, "metadata": {"name": "broken"}, "spec": {"podMetricsEndpoints": "metrics"}}
    assert api.post(path, json=bad).status_code == 422


@own_cluster
def test_nothing_is_left_of_a_cluster_whose_user_failed(programs: None) -> None:
    clusters = []

    def use_one_and_fail() -> None:
        with running_cluster(nodes=0) as cluster:
            clusters.append(cluster)
            assert cluster.kubeconfig.exists()
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        use_one_and_fail()

    (cluster,) = clusters

    assert not cluster.kubeconfig.parent.exists()
    for pid in cluster.processes.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@own_cluster
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_its_kubeconfig_is_and_stops_when_told(
    programs: None, tmp_path: Path, how: signal.Signals
) -> None:
    log = tmp_path / "audit.log"
    # As a script starts it in the background: with SIGINT ignored.
    background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    command = [*background, sys.executable, "-m", "devtools.cluster", "--nodes", "2", "--audit-log", str(log)]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            kubeconfig = Path(said["kubeconfig"])
            assert said["name"] == "cluster"
            with connect(kubeconfig) as api:
                assert len(api.get("/api/v1/nodes").json()["items"]) == 2
            server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        finally:
            process.send_signal(how)
            process.wait(timeout=60)

    assert not kubeconfig.parent.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{urlsplit(server).port}")
    users = {json.loads(line)["user"]["username"] for line in log.read_text().splitlines()}
    assert "cluster-admin" in users
