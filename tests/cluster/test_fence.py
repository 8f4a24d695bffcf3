"""The fence holds on a real control plane: it admits what its overlay brings, and refuses what it does not.

Network policies are taken and kept here, but no engine enforces them. What they say is read in
tests/unit/provisioning/test_fence_network.py.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.cluster.connection import apply
from devtools.cluster.waiting import wait_for
from provisioning.fence import FenceConfig, fence
from provisioning.fence_files import load
from provisioning.time_limits import with_time_limits

pytestmark = pytest.mark.cluster

FILES = {file.name: file.read_text() for file in (Path(__file__).parents[2] / "fence").glob("*.yaml")}
TERMS = FenceConfig(templates=load(FILES), gateway=("10.225.0.0/24",), private=("10.9.0.0/16", "fd00:9::/48"))
PLURALS = {
    "ResourceQuota": "api/v1/{}/resourcequotas",
    "LimitRange": "api/v1/{}/limitranges",
    "NetworkPolicy": "apis/networking.k8s.io/v1/{}/networkpolicies",
    "ConfigMap": "api/v1/{}/configmaps",
    "Service": "api/v1/{}/services",
    "PersistentVolumeClaim": "api/v1/{}/persistentvolumeclaims",
    "Deployment": "apis/apps/v1/{}/deployments",
    "Job": "apis/batch/v1/{}/jobs",
    "PodDisruptionBudget": "apis/policy/v1/{}/poddisruptionbudgets",
    "Pod": "api/v1/{}/pods",
}


def at(kind: str, namespace: str, name: str = "") -> str:
    return f"/{PLURALS[kind].format(f'namespaces/{namespace}')}/{name}".rstrip("/")


def put(api: httpx.Client, namespace: str, manifest: Any) -> httpx.Response:
    return apply(
        api, at(manifest["kind"], namespace, manifest["metadata"]["name"]), manifest, manager="coppice"
    )


def build(api: httpx.Client, namespace: str, overlay: Sequence[Any]) -> None:
    """Put up the fence, and wait until the quota is in force: until its controller has counted."""
    for manifest in fence(TERMS, namespace, overlay):
        put(api, namespace, manifest).raise_for_status()
    quota = at("ResourceQuota", namespace, "coppice-quota")
    wait_for("the quota", lambda: "used" in api.get(quota).json()["status"])


def obj(kind: str, name: str, version: str = "v1", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def web(replicas: int, **container: Any) -> dict[str, Any]:
    labels = {"app": "web"}
    pod = {"containers": [{"name": "web", "image": "registry.example/web:1", **container}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return obj("Deployment", "web", "apps/v1", spec=spec)


def available(api: httpx.Client, namespace: str) -> int:
    status = api.get(at("Deployment", namespace, "web")).json()["status"]
    return int(status.get("availableReplicas", 0))


def test_an_overlay_may_come_right_behind_its_fence(api: httpx.Client, namespace: str) -> None:
    overlay = [*(obj("ConfigMap", f"settings-{n}", data={"a": "b"}) for n in range(20)), web(2)]
    for manifest in (*fence(TERMS, namespace, overlay), *overlay):
        answer = put(api, namespace, manifest)
        assert answer.is_success, answer.text
    wait_for("its pods", lambda: available(api, namespace) == 2)


def test_a_container_that_says_nothing_gets_the_defaults(api: httpx.Client, namespace: str) -> None:
    build(api, namespace, [])
    put(api, namespace, web(1)).raise_for_status()
    wait_for("its pod", lambda: available(api, namespace) == 1)
    (pod,) = api.get(at("Pod", namespace)).json()["items"]
    assert pod["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"cpu": "200m", "memory": "192Mi"},
    }


def test_processors_are_bounded_however_many_replicas_an_overlay_asks_for(
    api: httpx.Client, namespace: str
) -> None:
    greedy = web(30)
    build(api, namespace, [greedy])
    put(api, namespace, greedy).raise_for_status()
    quota = at("ResourceQuota", namespace, "coppice-quota")
    wait_for("the quota to be used up", lambda: api.get(quota).json()["status"]["used"]["limits.cpu"] == "2")
    wait_for("its pods", lambda: available(api, namespace) == 10)
    status = api.get(quota).json()["status"]
    assert status["hard"]["pods"] == "38"  # 30, and a quarter more in a rollout
    assert status["used"]["pods"] == "10"


def test_an_overlay_that_grows_has_room_as_soon_as_the_quotas_controller_has_seen_it(
    api: httpx.Client, namespace: str
) -> None:
    overlay = [obj("ConfigMap", f"settings-{n}") for n in range(20)]
    build(api, namespace, [])
    for manifest in fence(TERMS, namespace, overlay):
        put(api, namespace, manifest).raise_for_status()
    wait_for("room", lambda: all(put(api, namespace, each).is_success for each in overlay), seconds=10)


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ({"requests": {"cpu": "0"}}, "minimum cpu usage per Container is 5m"),
        ({"requests": {"memory": "1Mi"}}, "minimum memory usage per Container is 16Mi"),
        ({"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}, "exceeded quota: coppice-quota"),
    ],
)
def test_a_pod_that_asks_for_too_little_or_too_much_is_refused(
    api: httpx.Client, namespace: str, resources: dict[str, Any], said: str
) -> None:
    build(api, namespace, [])
    container = {"name": "web", "image": "registry.example/web:1", "resources": resources}
    answer = put(api, namespace, obj("Pod", "web", spec={"containers": [container]}))
    assert answer.status_code == 403
    assert said in answer.json()["message"]


@pytest.mark.parametrize("priority", ["system-node-critical", "system-cluster-critical"])
def test_no_pod_has_a_priority_of_the_system(api: httpx.Client, namespace: str, priority: str) -> None:
    build(api, namespace, [])
    scoped = at("ResourceQuota", namespace, "coppice-priorities")
    wait_for("its quota", lambda: "used" in api.get(scoped).json()["status"])
    spec = {"containers": [{"name": "web", "image": "registry.example/web:1"}]}
    answer = put(api, namespace, obj("Pod", "critical", spec={**spec, "priorityClassName": priority}))
    assert answer.status_code == 403
    assert "exceeded quota: coppice-priorities" in answer.json()["message"]
    put(api, namespace, obj("Pod", "ordinary", spec=spec)).raise_for_status()


def test_a_job_that_stands_is_given_an_end_and_a_budget_lets_go_of_what_is_not_ready(
    api: httpx.Client, namespace: str
) -> None:
    pod = {"containers": [{"name": "web", "image": "registry.example/web:1"}], "restartPolicy": "Never"}
    job = obj("Job", "migrate", "batch/v1", spec={"template": {"spec": pod}})
    budget = obj("PodDisruptionBudget", "web", "policy/v1", spec={"maxUnavailable": 1, "selector": {}})
    for manifest in (job, budget, *with_time_limits((job, budget))):
        put(api, namespace, manifest).raise_for_status()
    assert api.get(at("Job", namespace, "migrate")).json()["spec"]["activeDeadlineSeconds"] == 3_600
    stands = api.get(at("PodDisruptionBudget", namespace, "web")).json()["spec"]
    assert stands["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_a_count_has_room_for_the_overlay_and_no_more(api: httpx.Client, namespace: str) -> None:
    overlay = [obj("ConfigMap", f"settings-{n}") for n in range(20)]
    root = at("ConfigMap", namespace, "kube-root-ca.crt")
    wait_for("what the cluster adds", lambda: api.get(root).is_success)
    build(api, namespace, overlay)
    assert all(put(api, namespace, each).is_success for each in overlay)
    one_more = put(api, namespace, obj("ConfigMap", "one-more"))
    assert one_more.status_code == 403
    assert "exceeded quota: coppice-quota, requested: configmaps=1, used: configmaps=21" in one_more.text


def test_storage_and_services_that_lead_outside_are_bounded(api: httpx.Client, namespace: str) -> None:
    build(api, namespace, [])
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    service = {"type": "LoadBalancer", "ports": [{"port": 80}]}
    refused = [
        put(api, namespace, obj("PersistentVolumeClaim", "data", spec=claim)),
        put(api, namespace, obj("Service", "web", spec=service)),
    ]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert "requests.storage" in refused[0].json()["message"]
    assert "services.loadbalancers" in refused[1].json()["message"]
