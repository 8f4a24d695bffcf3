"""Ordinary objects of an overlay, and random mutations of them."""

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.support.manifests import cron_job, job, overlay, scaler

UNUSUAL_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 7, 1.5, 10**30, "", "x", "0", "100%", "\n", "ü\ud7ff", "x" * 300),
    *([], {}, [None], [[]], [{}], {"": ""}, {"a": None}, {"name": "x"}, [{"name": "x"}], ["feature-x"]),
    *("BRANCH_NAME", "feature-x", "production", "array: ['a: b']", "* * * * *", {"matchLabels": {"a": "b"}}),
)


def _objects() -> tuple[dict[str, Any], ...]:
    def obj(version: str, kind: str, name: str = "web", **fields: Any) -> dict[str, Any]:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}

    labels = {"matchLabels": {"app": "web"}}
    provider = {
        "provider": "azure",
        "parameters": {"keyvaultName": "kv", "objects": "array: ['objectName: a-feature']"},
        "secretObjects": [{"secretName": "s", "type": "Opaque", "data": [{"key": "a", "objectName": "a"}]}],
    }
    mounted = {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": "web"}}
    pod = {
        "serviceAccountName": "postgres-service-account",
        "containers": [{"name": "c", "image": "i", "livenessProbe": {"httpGet": {"port": 80}}}],
        "volumes": [{"name": "v", "csi": mounted}],
        "tolerations": [{"key": "dev", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    }
    claims = [{"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
    rule = {"to": [{"ipBlock": {"cidr": "10.2.0.0/16", "except": []}}], "ports": [{"port": 53}]}
    triggers = [{"type": "redis", "metadata": {"address": "redis.feature-x.svc:6379"}}]
    return (
        obj("v1", "Service", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
        obj("v1", "Secret", type="Opaque", stringData={"a": "b"}),
        obj("v1", "PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "1Gi"}}}),
        obj("v1", "Pod", spec=pod),
        obj("v1", "Namespace", "feature-x"),
        obj("v1", "ResourceQuota", spec={"hard": {"pods": "5"}}),
        obj("apps/v1", "StatefulSet", spec={"template": {"spec": pod}, "volumeClaimTemplates": claims}),
        obj("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": labels}),
        obj("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, "egress": [rule]}),
        obj("networking.k8s.io/v1", "Ingress", spec={"rules": [{"host": "x.dev.example.com"}]}),
        obj("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", spec=provider),
        obj("keda.sh/v1alpha1", "ScaledJob", spec={"jobTargetRef": {"template": {}}, "triggers": triggers}),
        obj("alb.networking.azure.io/v1", "RoutePolicy", spec={"targetRef": {"name": "web"}}),
        obj("example.com/v1", "Widget", spec={"hostnames": ["x"]}),
    )


def _monitoring() -> tuple[dict[str, Any], ...]:
    discovery = "kubernetes_sd_configs: [{role: pod, namespaces: {names: [feature-x]}}]"
    system = {
        "ama-metrics-prometheus-config": {
            "prometheus-config": f"scrape_configs: [{{job_name: web, {discovery}}}]"
        },
        "ama-metrics-settings-configmap": {
            "pod-annotation-based-scraping": 'podannotationnamespaceregex = "feature-x"'
        },
    }
    endpoint = {"port": "web", "relabelings": [{"regex": "a", "action": "drop"}]}
    return (
        {
            "apiVersion": "azmonitoring.coreos.com/v1",
            "kind": "PodMonitor",
            "metadata": {"name": "web"},
            "spec": {"selector": {}, "podMetricsEndpoints": [endpoint]},
        },
        *(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": "kube-system"},
                "data": data,
            }
            for name, data in system.items()
        ),
    )


OBJECTS = (
    *overlay(job(), cron_job(), scaler("HorizontalPodAutoscaler", "web"), scaler("ScaledObject", "web")),
    *_objects(),
)
MONITORING = _monitoring()


def mutated(rng: random.Random, originals: Sequence[Any]) -> list[Any]:
    """Copies of some objects, with a few random changes anywhere in them."""
    objects: list[Any] = copy.deepcopy(rng.sample(originals, rng.randint(0, 3)))
    for _ in range(rng.randint(0, 2)):
        positions = [position for each in objects for position in _positions(each)]
        if not positions:
            continue
        holder, at = rng.choice(positions)
        match rng.randrange(4):
            case 0 if isinstance(holder, dict):
                del holder[at]
            case 1:
                holder[at] = copy.deepcopy(_get(*rng.choice(positions)))
            case 2 if isinstance(holder, dict):
                _, word = rng.choice(positions)
                holder[str(word)] = copy.deepcopy(rng.choice(UNUSUAL_VALUES))
            case _:
                holder[at] = copy.deepcopy(rng.choice(UNUSUAL_VALUES))
    return objects


def _positions(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for at, item in items:
        yield value, at
        yield from _positions(item)


def _get(holder: Any, at: Any) -> Any:
    return holder[at] if not isinstance(holder, dict) or at in holder else None
