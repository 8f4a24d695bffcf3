"""The main job works as the identities that `deploy/cluster` makes roles for, and needs all that they grant."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from adapters.kubernetes.client import Api
from adapters.kubernetes.connect import by_kubeconfig
from branches.key import Key
from composition import Composition
from local.arm.app import arm_app
from local.arm.state import ArmState
from local.arm.world import example_world
from local.cluster.audit import granted, spare, used
from local.github.app import github_app
from local.github.repository import Repository, create
from local.serving import serving
from loop.outcome import Done, Waiting
from loop.report import Report

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("enforced")]

PROVISIONING, DEPROVISIONING = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))
NAMESPACE = "feature-roles"
OVERLAY = "manifests/overlays/feature"
POD = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
}
JOB = {**POD, "spec": {**POD["spec"], "restartPolicy": "Never"}}
SELECTOR = {"matchLabels": {"app": "web"}}
SERVICE = {"ports": [{"port": 80}], "selector": {"app": "web"}}
CRON_JOB = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": JOB}}}
BACKEND = {"rules": [{"backendRefs": [{"name": "web", "port": 80}]}], "hostnames": ["feature-roles.example.test"]}
TARGET = {"targetRef": {"group": "", "kind": "Service", "name": "web"}}
SCALE = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 2}
VAULT = {"keyvaultName": "kv", "objects": "array:\n  - |\n    objectName: x-feature\n    objectType: secret\n"}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
# One object of each kind that ALLOWED_KINDS lets through by default.
EACH: list[tuple[str, str, dict[str, Any]]] = [
    ("v1", "ConfigMap", {"data": {"a": "b"}}),
    ("v1", "Secret", {"stringData": {"a": "b"}}),
    ("v1", "Service", {"spec": SERVICE}),
    ("v1", "ServiceAccount", {}),
    ("v1", "PersistentVolumeClaim", {"spec": CLAIM}),
    ("v1", "LimitRange", {"spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}}),
    ("v1", "ResourceQuota", {"spec": {"hard": {"pods": "20"}}}),
    ("apps/v1", "Deployment", {"spec": {"selector": SELECTOR, "template": POD}}),
    ("apps/v1", "StatefulSet", {"spec": {"selector": SELECTOR, "template": POD, "serviceName": "web"}}),
    ("batch/v1", "Job", {"spec": {"template": JOB}}),
    ("batch/v1", "CronJob", {"spec": CRON_JOB}),
    ("autoscaling/v2", "HorizontalPodAutoscaler", {"spec": SCALE}),
    ("policy/v1", "PodDisruptionBudget", {"spec": {"selector": SELECTOR, "minAvailable": 1}}),
    ("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"podSelector": {}}}),
    ("gateway.networking.k8s.io/v1", "HTTPRoute", {"spec": BACKEND}),
    ("gateway.networking.k8s.io/v1", "GRPCRoute", {"spec": BACKEND}),
    ("alb.networking.azure.io/v1", "HealthCheckPolicy", {"spec": TARGET}),
    ("alb.networking.azure.io/v1", "RoutePolicy", {"spec": TARGET}),
    ("alb.networking.azure.io/v1", "BackendTLSPolicy", {"spec": TARGET}),
    ("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass", {"spec": {"provider": "azure", "parameters": VAULT}}),
    ("azmonitoring.coreos.com/v1", "PodMonitor", {"spec": {"selector": {}, "podMetricsEndpoints": [{"port": "m"}]}}),
    ("azmonitoring.coreos.com/v1", "ServiceMonitor", {"spec": {"selector": {}, "endpoints": [{"port": "m"}]}}),
    ("keda.sh/v1alpha1", "ScaledObject", {"spec": {"scaleTargetRef": {"name": "web"}, "triggers": []}}),
]


class AsIdentities(Composition):
    """The program; an administrator's kubeconfig is used in the name of the identity that each part acts as."""

    def api(self, client_id: str) -> Api:
        return Api(by_kubeconfig(self.settings.kubeconfig), impersonate=client_id)


def overlay(objects: list[dict[str, Any]]) -> dict[str, bytes | None]:
    kustomization = {"namespace": "feature-BRANCH_NAME", "resources": ["objects.yaml"]}
    return {
        f"{OVERLAY}/kustomization.yaml": yaml.safe_dump(kustomization).encode(),
        f"{OVERLAY}/objects.yaml": yaml.safe_dump_all(objects).encode(),
    }


def manifest(version: str, kind: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    seed = tmp_path_factory.mktemp("seed")
    (seed / "README.md").write_text("An application.\n")
    return create(tmp_path_factory.mktemp("git") / "app.git", seed, full_name="acme/app")


@pytest.fixture(scope="module")
def program(kubeconfig: Path, repository: Repository) -> Iterator[AsIdentities]:
    azure = example_world()
    with serving(github_app(repository)) as github, serving(arm_app(ArmState(world=azure))) as arm:
        yield AsIdentities(
            {
                "GITHUB_REPOSITORY": repository.full_name,
                "GITHUB_API_URL": github,
                "GITHUB_TOKEN": "token",
                "GITHUB_WEBHOOK_SECRET": "not-a-secret",
                "BASE_DOMAIN": "example.test",
                "MONITORING_OVERLAY": "",
                "KEY_VAULTS": "kv",
                "WORKLOAD_IDENTITIES": "rg-coppice/id-feature-1",
                "AZURE_SUBSCRIPTION_ID": azure.subscription,
                "AZURE_TENANT_ID": azure.tenant,
                "AZURE_RESOURCE_MANAGER_URL": arm,
                "AKS_RESOURCE_GROUP": azure.cluster.resource_group,
                "AKS_CLUSTER_NAME": azure.cluster.name,
                "KUBECONFIG": str(kubeconfig),
                "PROVISIONING_CLIENT_ID": PROVISIONING,
                "DEPROVISIONING_CLIENT_ID": DEPROVISIONING,
            }
        )


def until_done(program: Composition, branch: str) -> Report:
    key = Key(repository="acme/app", branch=branch)
    deadline = time.monotonic() + 60
    report = program.reconciler.reconcile(key)
    while isinstance(report.outcome, Waiting) and time.monotonic() < deadline:
        time.sleep(0.5)
        report = program.reconciler.reconcile(key)
    return report


def test_the_main_job_works_with_the_roles_and_needs_all_of_them(
    program: AsIdentities,
    repository: Repository,
    api: httpx.Client,
    kubectl: Callable[..., str],
    audit_log: Path,
) -> None:
    everything = [manifest(version, kind, "web", body) for version, kind, body in EACH]
    nightly = manifest("batch/v1", "CronJob", "nightly", {"spec": CRON_JOB})

    repository.commit("roles", overlay([*everything, nightly]), "everything")
    report = until_done(program, "roles")
    assert isinstance(report.outcome, Done), report
    repository.commit("roles", overlay([nightly]), "almost nothing")
    report = until_done(program, "roles")
    assert isinstance(report.outcome, Done), report
    repository.delete("roles")
    report = until_done(program, "roles")
    assert isinstance(report.outcome, Done), report
    program.reconciler.sweep(most_deletions=0)

    assert api.get(f"/api/v1/namespaces/{NAMESPACE}").status_code == 404
    folder = str(Path(__file__).parents[2] / "deploy" / "cluster")
    objects = list(yaml.safe_load_all(kubectl("kustomize", folder)))
    for user in (PROVISIONING, DEPROVISIONING):
        did, missed = used(audit_log, user=user)
        print(user, "missing", sorted(missed), "spare", sorted(spare(granted(objects, user=user), did)))
