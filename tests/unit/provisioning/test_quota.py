from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.fence import FenceConfig, fence
from provisioning.quota import required_counts, with_raised_counts

Object = dict[str, Any]


def obj(kind: str, name: str = "web", version: str = "v1", **spec: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def quota(**hard: object) -> Object:
    return obj("ResourceQuota", "coppice-quota", hard=hard)


def pods(*manifests: Object) -> int:
    return required_counts(manifests)["pods"]


def test_a_count_is_raised_to_what_is_needed_and_never_lowered() -> None:
    found = with_raised_counts(quota(configmaps="3", secrets="9"), {"configmaps": 5, "secrets": 5})
    assert found["spec"]["hard"] == {"configmaps": "5", "secrets": "9"}


@pytest.mark.parametrize("scope", [{"scopes": ["BestEffort"]}, {"scopeSelector": {"matchExpressions": []}}])
def test_a_quota_of_some_pods_alone_is_not_raised(scope: dict[str, Any]) -> None:
    narrow = obj("ResourceQuota", "coppice-priorities", hard={"pods": "0"}, **scope)
    assert with_raised_counts(narrow, {"pods": 12}) == narrow


def test_processors_memory_and_storage_are_never_raised() -> None:
    hard = {"requests.cpu": "1", "limits.memory": "2Gi", "requests.storage": "1Gi"}
    greedy = dict.fromkeys((*hard, "cpu", "memory"), 10**9)
    assert with_raised_counts(quota(**hard), greedy)["spec"]["hard"] == hard


def test_objects_of_any_kind_are_counted_as_a_quota_names_them() -> None:
    hard = {
        "count/configmaps": "0",
        "count/deployments.apps": "0",
        "count/networkpolicies.networking.k8s.io": "0",
        "count/ingresses.networking.k8s.io": "0",
        "count/jobs.batch": "4",
        "services.loadbalancers": 0,
    }
    overlay = (
        obj("Deployment", "a", "apps/v1"),
        obj("Deployment", "b", "apps/v1"),
        obj("NetworkPolicy", version="networking.k8s.io/v1"),
        obj("Ingress", version="networking.k8s.io/v1"),
        obj("ConfigMap"),
        obj("Service"),
    )
    assert with_raised_counts(quota(**hard), required_counts(overlay))["spec"]["hard"] == {
        "count/configmaps": "2",  # and kube-root-ca.crt
        "count/deployments.apps": "2",
        "count/networkpolicies.networking.k8s.io": "1",
        "count/ingresses.networking.k8s.io": "1",
        "count/jobs.batch": "4",
        "services.loadbalancers": "0",
    }


def test_the_fence_counts_itself() -> None:
    mine = quota(**{"resourcequotas": "0", "count/resourcequotas": "0"})
    (found,) = fence(FenceConfig(templates=(mine,)), "feature-login", (obj("ResourceQuota", "mine"),))
    assert found["spec"]["hard"] == {"resourcequotas": "2", "count/resourcequotas": "2"}


def test_secrets_are_the_overlays_the_drivers_and_those_delivered_each_once() -> None:
    synced = [{"secretName": "db"}, {"secretName": "web"}, {"secretName": "api"}]
    overlay = (
        obj("Secret", "web"),
        obj("SecretProviderClass", "a", "secrets-store.csi.x-k8s.io/v1", secretObjects=synced),
        obj("SecretProviderClass", "b", "secrets-store.csi.x-k8s.io/v1"),
    )
    assert required_counts(overlay, delivered=["branch-database", "db"])["secrets"] == 4


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, 2),  # one, and one more of 25 %
        ({"replicas": 0}, 0),
        ({"replicas": 8}, 10),
        ({"replicas": 8, "strategy": {"rollingUpdate": {"maxSurge": 3}}}, 11),
        ({"replicas": 8, "strategy": {"rollingUpdate": {"maxSurge": 0}}}, 8),
        ({"replicas": 3, "strategy": {"rollingUpdate": {"maxSurge": "50%"}}}, 5),
        ({"replicas": 8, "strategy": {"type": "Recreate"}}, 8),
    ],
)
def test_a_deployment_has_room_for_a_rollout(spec: Object, expected: int) -> None:
    assert pods(obj("Deployment", version="apps/v1", **spec)) == expected


def test_other_workloads_have_room_for_the_pods_that_they_run_at_once() -> None:
    assert pods(obj("StatefulSet", version="apps/v1", replicas=3)) == 3
    assert pods(obj("Job", version="batch/v1", parallelism=2)) == 2
    assert pods(obj("CronJob", version="batch/v1", jobTemplate={"spec": {"parallelism": 4}})) == 4
    assert pods(obj("CronJob", version="batch/v1"), obj("Pod")) == 2


def test_what_is_scaled_has_room_for_the_most_that_its_scaler_allows() -> None:
    deployment = obj("Deployment", version="apps/v1", strategy={"type": "Recreate"})
    target = {"kind": "Deployment", "name": "web"}
    scaler = obj("HorizontalPodAutoscaler", "x", "autoscaling/v2", scaleTargetRef=target, maxReplicas=7)
    keda = obj("ScaledObject", "x", "keda.sh/v1alpha1", scaleTargetRef={"name": "web"}, maxReplicaCount=9)
    assert pods(deployment, scaler) == 7
    assert pods(deployment, keda) == 9
    assert pods({**deployment, "metadata": {"name": "api"}}, scaler) == 1


def test_claims_that_are_made_for_pods_have_room() -> None:
    ephemeral = {"template": {"spec": {"volumes": [{"name": "a", "ephemeral": {}}, {"name": "b"}]}}}
    overlay = (
        obj("PersistentVolumeClaim"),
        obj("StatefulSet", "db", "apps/v1", replicas=3, volumeClaimTemplates=[{}, {}]),
        obj("Job", "load", "batch/v1", **ephemeral),
        obj("CronJob", "save", "batch/v1", jobTemplate={"spec": ephemeral}),
    )
    assert required_counts(overlay)["persistentvolumeclaims"] == 1 + 6 + 1 + 1


FIELDS = st.sampled_from(
    [
        *(
            "jobTemplate",
            "kind",
            "maxReplicas",
            "maxSurge",
            "name",
            "replicas",
            "rollingUpdate",
            "secretName",
        ),
        *("scaleTargetRef", "secretObjects", "spec", "strategy", "template", "type", "volumes"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats() | st.text(max_size=3)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)
KINDS = [
    *("Deployment", "StatefulSet", "Job", "CronJob", "HorizontalPodAutoscaler", "ScaledObject", "ScaledJob"),
    *("SecretProviderClass", "Secret", "Pod"),
]


@given(st.lists(st.builds(lambda kind, spec: {**obj(kind), "spec": spec}, st.sampled_from(KINDS), JSON)))
def test_whatever_an_overlay_says_is_counted_without_complaint(overlay: list[Object]) -> None:
    assert all(count >= 0 for count in required_counts(overlay).values())
