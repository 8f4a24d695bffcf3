from collections.abc import Mapping
from typing import Any

import pytest

from provisioning.admission import AdmissionPolicy, check_objects

KINDS = {
    "ConfigMap",
    "PersistentVolumeClaim",
    "Pod",
    "Secret",
    "Service",
    "apps/Deployment",
    "apps/StatefulSet",
    "autoscaling/HorizontalPodAutoscaler",
    "azmonitoring.coreos.com/PodMonitor",
    "azmonitoring.coreos.com/ServiceMonitor",
    "monitoring.coreos.com/PodMonitor",
    "monitoring.coreos.com/ServiceMonitor",
    "batch/CronJob",
    "batch/Job",
    "gateway.networking.k8s.io/GRPCRoute",
    "gateway.networking.k8s.io/HTTPRoute",
    "alb.networking.azure.io/HealthCheckPolicy",
    "keda.sh/ScaledJob",
    "keda.sh/ScaledObject",
    "keda.sh/TriggerAuthentication",
    "networking.k8s.io/Ingress",
    "policy/PodDisruptionBudget",
    "secrets-store.csi.x-k8s.io/SecretProviderClass",
}

POLICY = AdmissionPolicy(
    namespace="feature-login",
    allowed_kinds=frozenset(KINDS),
    hosts=frozenset({"feature-login.example.com", "login.example.com"}),
    gateways=frozenset({"agc-shared/agc-feature-gateway"}),
    key_vaults=frozenset({"kv-dev"}),
    key_vault_objects=frozenset({"*-feature"}),
    node_labels=frozenset({"pool"}),
    tolerations=({"key": "dev", "operator": "Exists", "effect": "NoSchedule"},),
)


@pytest.fixture(scope="session")
def policy() -> AdmissionPolicy:
    return POLICY


class Check:
    """Builds one object and checks it."""

    def __call__(self, api_version: str, kind: str, **fields: Any) -> str:
        metadata = {"name": "web", **fields.pop("metadata", {})}
        return self.of({"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields})

    def of(self, *objects: Mapping[str, object]) -> str:
        return "; ".join(map(str, check_objects(objects, POLICY)))

    def pod(self, **spec: Any) -> str:
        return self("v1", "Pod", spec={"containers": [{"name": "web", "image": "web"}], **spec})

    def container(self, **fields: Any) -> str:
        return self.pod(containers=[{"name": "web", "image": "web", **fields}])


@pytest.fixture
def check() -> Check:
    """Checks one object; returns the reasons against it as text, empty if there are none."""
    return Check()
