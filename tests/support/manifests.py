"""Builds the objects of an overlay, with placeholders."""

from typing import Any

BASE_DOMAIN = "dev.example.com"


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def service_account(name: str = "postgres-service-account") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def workload(kind: str, name: str, container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return a Deployment or a StatefulSet whose pods have one container."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def deployment(name: str = "web", *, image: str = "example/web:COMMIT_SHA", **spec: Any) -> dict[str, Any]:
    return workload("Deployment", name, {"name": name, "image": image}, **spec)


def route(host: str = f"feature-BRANCH_NAME.{BASE_DOMAIN}") -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web"},
        "spec": {
            "parentRefs": [{"name": "agc-feature-gateway", "namespace": "agc-shared"}],
            "hostnames": [host],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        },
    }


def job(name: str = "migrate", *, image: str = "example/migrate:1", claim: str = "") -> dict[str, Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    container = {"name": name, "image": image}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "template": {
                "spec": {"containers": [container], "restartPolicy": "Never", "volumes": volumes},
            },
        },
    }


def cron_job(name: str = "nightly") -> dict[str, Any]:
    pod = {"containers": [{"name": name, "image": "example/nightly:1"}], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


def scaler(kind: str, target: str) -> dict[str, Any]:
    """Return a HorizontalPodAutoscaler or a ScaledObject of a Deployment."""
    api_version = {"HorizontalPodAutoscaler": "autoscaling/v2", "ScaledObject": "keda.sh/v1alpha1"}[kind]
    reference = {"kind": "Deployment", "name": target, "apiVersion": "apps/v1"}
    least, most = {
        "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
        "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
    }[kind]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": target},
        "spec": {"scaleTargetRef": reference, least: 1, most: 3},
    }


def overlay(*more: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the objects of a small application: settings, an account, a Deployment and its route."""
    return (config_map("settings", commit="COMMIT_SHA"), service_account(), deployment(), route(), *more)
