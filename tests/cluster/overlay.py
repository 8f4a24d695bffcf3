"""One object of each kind that ALLOWED_KINDS lets through by default."""

from typing import Any

from app.settings import DEFAULT_KINDS

_POD: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
}
_TASK = {**_POD, "spec": {**_POD["spec"], "restartPolicy": "Never"}}
_SELECTOR = {"matchLabels": {"app": "web"}}
_CRON_JOB = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": _TASK}}}
_ROUTE = {
    "hostnames": ["feature-BRANCH_NAME.example.test"],
    "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
}
_POLICY = {"targetRef": {"group": "", "kind": "Service", "name": "web"}}
_WORKLOAD = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
_OBJECTS = "array:\n  - |\n    objectName: login-feature\n    objectType: secret\n"
_VAULT = {"provider": "azure", "parameters": {"keyvaultName": "kv", "objects": _OBJECTS}}
# Little enough for all pods at once, under the quota of the fence.
_LIMITS = [{"type": "Container", "default": {"cpu": "100m"}}]
_OF_PODS = {"selector": {}, "podMetricsEndpoints": [{"port": "web"}]}
_OF_SERVICES = {"selector": {}, "endpoints": [{"port": "web"}]}

_SPECS: dict[tuple[str, str], dict[str, Any]] = {
    ("v1", "Service"): {"ports": [{"port": 80}], "selector": {"app": "web"}},
    ("v1", "PersistentVolumeClaim"): _CLAIM,
    ("v1", "LimitRange"): {"limits": _LIMITS},
    ("v1", "ResourceQuota"): {"hard": {"pods": "20"}},
    ("apps/v1", "Deployment"): {"selector": _SELECTOR, "template": _POD},
    ("apps/v1", "StatefulSet"): {"selector": _SELECTOR, "template": _POD, "serviceName": "web"},
    ("batch/v1", "Job"): {"template": _TASK},
    ("batch/v1", "CronJob"): _CRON_JOB,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): {"scaleTargetRef": _WORKLOAD, "maxReplicas": 2},
    ("policy/v1", "PodDisruptionBudget"): {"selector": _SELECTOR, "minAvailable": 1},
    ("networking.k8s.io/v1", "NetworkPolicy"): {"podSelector": {}},
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): _ROUTE,
    ("gateway.networking.k8s.io/v1", "GRPCRoute"): _ROUTE,
    ("alb.networking.azure.io/v1", "HealthCheckPolicy"): _POLICY,
    ("alb.networking.azure.io/v1", "RoutePolicy"): _POLICY,
    ("alb.networking.azure.io/v1", "BackendTLSPolicy"): _POLICY,
    ("alb.networking.azure.io/v1", "BackendLoadBalancingPolicy"): _POLICY,
    ("alb.networking.azure.io/v1", "FrontendTLSPolicy"): _POLICY,
    ("alb.networking.azure.io/v1", "WebApplicationFirewallPolicy"): _POLICY,
    ("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass"): _VAULT,
    ("azmonitoring.coreos.com/v1", "PodMonitor"): _OF_PODS,
    ("azmonitoring.coreos.com/v1", "ServiceMonitor"): _OF_SERVICES,
    ("monitoring.coreos.com/v1", "PodMonitor"): _OF_PODS,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _OF_SERVICES,
    ("keda.sh/v1alpha1", "ScaledObject"): {"scaleTargetRef": {"name": "web"}, "triggers": []},
}


def cron_job(name: str) -> dict[str, Any]:
    return _manifest("batch/v1", "CronJob", name, {"spec": _CRON_JOB})


def greedy(name: str) -> dict[str, Any]:
    """Return a StatefulSet whose pods the quota of the fence does not let in."""
    container = {"name": "web", "image": "registry.example/web:1", "resources": {"requests": {"cpu": "4"}}}
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "serviceName": name, "template": pod}
    return _manifest("apps/v1", "StatefulSet", name, {"spec": spec})


def config_map(name: str) -> dict[str, Any]:
    return _manifest("v1", "ConfigMap", name, {"data": {"a": "b"}})


def one_of_each_kind() -> list[dict[str, Any]]:
    """Return the objects, all called `web`; a kind that was forgotten here is an error."""
    manifests = [
        config_map("web"),
        _manifest("v1", "Secret", "web", {"stringData": {"a": "b"}}),
        _manifest("v1", "ServiceAccount", "web", {}),
        *(_manifest(version, kind, "web", {"spec": spec}) for (version, kind), spec in _SPECS.items()),
    ]
    assert {_kind(each) for each in manifests} == set(DEFAULT_KINDS.split(","))
    return manifests


def _kind(manifest: dict[str, Any]) -> str:
    group = manifest["apiVersion"].rpartition("/")[0]
    return f"{group}/{manifest['kind']}" if group else str(manifest["kind"])


def _manifest(version: str, kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}
