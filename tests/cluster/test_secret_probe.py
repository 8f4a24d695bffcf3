"""What an identity that may not read Secrets learns of one, and what it takes to learn it."""

import base64
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from adapters.kubernetes.client import METADATA, Api
from adapters.kubernetes.connection import by_kubeconfig
from adapters.kubernetes.secret_probe import SecretProbeAdapter
from coppice.reconciler.errors import Forbidden, Gone, Rejected
from devtools.cluster.waiting import wait_for
from tests.cluster.program import DEPROVISIONING, PROVISIONING, SCHEDULING

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("enforced")]

LIST = METADATA.replace("PartialObjectMetadata", "PartialObjectMetadataList")
SECRET = {"metadata": {"name": "login", "annotations": {"a": "b"}}, "stringData": {"password": "hidden"}}
MARKS = {
    "labels": {"app.kubernetes.io/managed-by": "coppice"},
    "annotations": {"coppice.dev/repository": "owner/name", "coppice.dev/branch": "feature/x"},
}

CUSTOM = {
    "alb.networking.azure.io",
    "azmonitoring.coreos.com",
    "gateway.networking.k8s.io",
    "keda.sh",
    "monitoring.coreos.com",
    "secrets-store.csi.x-k8s.io",
}


@pytest.fixture
def provisioning(acting: Callable[[str], httpx.Client]) -> httpx.Client:
    return acting(PROVISIONING)


@pytest.fixture
def probe(kubeconfig: Path) -> SecretProbeAdapter:
    return SecretProbeAdapter(Api(by_kubeconfig(str(kubeconfig)), impersonate=PROVISIONING))


@pytest.fixture
def environment(provisioning: httpx.Client, api: httpx.Client) -> Iterator[str]:
    """Return an environment with a Secret."""
    name = f"feature-{uuid.uuid4().hex[:8]}"
    made = provisioning.post("/api/v1/namespaces", json={"metadata": {**MARKS, "name": name}})
    assert made.status_code == 201
    api.post(f"/api/v1/namespaces/{name}/secrets", json=SECRET).raise_for_status()
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


def secrets(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets"


def test_a_get_of_metadata_alone_takes_the_right_to_read_the_values(
    provisioning: httpx.Client, environment: str
) -> None:
    path = secrets(environment)
    assert provisioning.get(f"{path}/login", headers={"Accept": METADATA}).status_code == 403
    assert provisioning.get(path, headers={"Accept": LIST}).status_code == 403


def test_the_right_to_get_secrets_shows_values_and_metadata_alike(
    api: httpx.Client, acting: Callable[[str], httpx.Client], environment: str
) -> None:
    """Why no role has it."""
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{environment}"
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    group = "rbac.authorization.k8s.io"
    subject = {"apiGroup": group, "kind": "User", "name": "erin"}
    role = {"apiGroup": group, "kind": "Role", "name": "reader"}
    api.post(f"{roles}/roles", json={"metadata": {"name": "reader"}, "rules": [rule]}).raise_for_status()
    binding = {"metadata": {"name": "reader"}, "roleRef": role, "subjects": [subject]}
    api.post(f"{roles}/rolebindings", json=binding).raise_for_status()
    erin, path = acting("erin"), f"{secrets(environment)}/login"

    wait_for("her role", lambda: erin.get(path, headers={"Accept": METADATA}).is_success)

    assert "hidden" in base64.b64decode(erin.get(path).json()["data"]["password"]).decode()


def test_a_probe_shows_the_metadata_of_an_environments_secret_and_changes_nothing(
    api: httpx.Client, probe: SecretProbeAdapter, environment: str
) -> None:
    before = api.get(f"{secrets(environment)}/login").json()

    assert probe.metadata(environment, "login") == before["metadata"]
    assert api.get(f"{secrets(environment)}/login").json() == before
    with pytest.raises(Gone):
        probe.metadata(environment, "none")


@pytest.mark.parametrize("namespace", ["default", "kube-system", "coppice-system"])
def test_a_probe_shows_nothing_of_a_secret_outside_environments(
    api: httpx.Client, probe: SecretProbeAdapter, provisioning: httpx.Client, namespace: str
) -> None:
    name = f"probed-{uuid.uuid4().hex[:8]}"
    api.post(secrets(namespace), json={**SECRET, "metadata": {"name": name}}).raise_for_status()
    path = f"{secrets(namespace)}/{name}"

    with pytest.raises(Rejected, match="coppice-objects"):
        probe.metadata(namespace, name)
    for query in ({}, {"dryRun": "All"}):
        answer = provisioning.patch(
            path, params=query, json={}, headers={"Content-Type": "application/merge-patch+json"}
        )
        assert answer.status_code == 422
        assert "data" not in answer.json()
    assert api.delete(path).is_success


@pytest.mark.parametrize("user", [DEPROVISIONING, SCHEDULING])
def test_no_other_identity_may_probe(kubeconfig: Path, environment: str, user: str) -> None:
    with pytest.raises(Forbidden):
        SecretProbeAdapter(Api(by_kubeconfig(str(kubeconfig)), impersonate=user)).metadata(
            environment, "login"
        )


def test_what_provisioning_may_get_is_what_the_clusters_own_role_view_shows(api: httpx.Client) -> None:
    """Of what is built into Kubernetes: that role knows no custom resources."""
    shown, ours = gettable(api, "view"), gettable(api, "coppice-provisioning")
    built_in = {each for each in ours if each[0] not in CUSTOM}

    assert len(built_in) > 10
    assert built_in <= shown | {("", "namespaces")}
    assert ("", "secrets") not in ours


def gettable(api: httpx.Client, role: str) -> set[tuple[str, str]]:
    """Group and resource of what a cluster role lets one get."""
    path = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{role}"
    return {
        (group, resource)
        for rule in api.get(path).raise_for_status().json()["rules"]
        if "get" in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
