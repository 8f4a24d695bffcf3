"""What the three identities may do on a cluster is enforced by the cluster; `deploy/cluster` says how."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.cluster.connection import apply, merge
from devtools.cluster.waiting import wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("enforced")]

PROVISIONING, DEPROVISIONING, SCHEDULING = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 3))
FOREIGN = ["kube-system", "default", "staging", "production", "feature-unmarked"]
MARKS = {
    "labels": {"app.kubernetes.io/managed-by": "coppice", "app.kubernetes.io/part-of": "x"},
    "annotations": {"coppice.dev/repository": "owner/name", "coppice.dev/branch": "feature/x"},
}

Acting = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def provisioning(acting: Acting) -> httpx.Client:
    return acting(PROVISIONING)


@pytest.fixture(scope="module")
def deprovisioning(acting: Acting) -> httpx.Client:
    return acting(DEPROVISIONING)


@pytest.fixture(scope="module")
def scheduling(acting: Acting) -> httpx.Client:
    return acting(SCHEDULING)


@pytest.fixture(scope="module", autouse=True)
def foreign(api: httpx.Client) -> None:
    for name in FOREIGN:
        api.post("/api/v1/namespaces", json={"metadata": {"name": name}})


@pytest.fixture
def environment(provisioning: httpx.Client, api: httpx.Client) -> Iterator[str]:
    name = f"feature-{uuid.uuid4().hex[:8]}"
    assert create(provisioning, name, MARKS).status_code == 201
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


def create(client: httpx.Client, name: str, metadata: dict[str, Any]) -> httpx.Response:
    return client.post("/api/v1/namespaces", json={"metadata": {**metadata, "name": name}})


def put_in(client: httpx.Client, namespace: str, kind: str, name: str, **body: Any) -> httpx.Response:
    manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **body}
    path = f"/api/v1/namespaces/{namespace}/{kind.lower()}s/{name}"
    return apply(client, path, manifest, manager="coppice")


def refused(answer: httpx.Response, policy: str) -> bool:
    return (
        answer.status_code == 422
        and f"ValidatingAdmissionPolicy 'coppice-{policy}'" in answer.json()["message"]
    )


def test_an_environment_is_made_by_one_identity_and_taken_away_by_another(
    provisioning: httpx.Client, deprovisioning: httpx.Client, environment: str
) -> None:
    path = f"/api/v1/namespaces/{environment}"
    assert put_in(provisioning, environment, "ConfigMap", "settings", data={"a": "b"}).status_code == 201
    assert put_in(provisioning, environment, "Secret", "login", stringData={"a": "b"}).status_code == 201
    assert merge(
        provisioning, path, {"metadata": {"annotations": {"coppice.dev/revision": "f00"}}}
    ).is_success

    assert provisioning.delete(path).status_code == 403
    assert deprovisioning.delete(path).is_success

    wait_for("the namespace to go", lambda: provisioning.get(path).status_code == 404)


@pytest.mark.parametrize("namespace", FOREIGN)
def test_what_is_no_environment_is_out_of_reach(
    provisioning: httpx.Client, deprovisioning: httpx.Client, scheduling: httpx.Client, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    assert refused(merge(provisioning, path, {"metadata": MARKS}), "namespaces")
    assert refused(put_in(provisioning, namespace, "ConfigMap", "x"), "objects")
    assert refused(put_in(provisioning, namespace, "Secret", "x"), "objects")
    assert scheduling.delete(path).status_code == 403
    deletion = deprovisioning.delete(path)
    built_in = namespace in {"default", "kube-system"}  # Kubernetes itself deletes them for nobody
    assert deletion.status_code == 403 if built_in else refused(deletion, "namespaces")


def test_only_whole_marks_under_the_prefix_make_an_environment(provisioning: httpx.Client) -> None:
    assert refused(create(provisioning, "production-again", MARKS), "namespaces")
    assert refused(create(provisioning, "feature-bare", {}), "namespaces")
    for part, marks in MARKS.items():
        assert refused(create(provisioning, "feature-half", {part: marks}), "namespaces")


def test_an_environment_does_not_change_hands(provisioning: httpx.Client, environment: str) -> None:
    path = f"/api/v1/namespaces/{environment}"
    for mark in (
        {"annotations": {"coppice.dev/branch": "feature/y"}},
        {"annotations": {"coppice.dev/repository": None}},
        {"labels": {"app.kubernetes.io/managed-by": "someone"}},
    ):
        assert refused(merge(provisioning, path, {"metadata": mark}), "namespaces")


def test_neither_deprovisioning_nor_the_scheduler_creates_namespaces(
    deprovisioning: httpx.Client, scheduling: httpx.Client
) -> None:
    for client in (deprovisioning, scheduling):
        assert create(client, "feature-x", MARKS).status_code == 403


def test_the_scheduler_cannot_delete_an_environment(scheduling: httpx.Client, environment: str) -> None:
    assert scheduling.delete(f"/api/v1/namespaces/{environment}").status_code == 403
    assert merge(scheduling, f"/api/v1/namespaces/{environment}", {"metadata": {}}).status_code == 403


def test_a_cluster_administrator_hands_a_namespace_over(
    api: httpx.Client, provisioning: httpx.Client, deprovisioning: httpx.Client
) -> None:
    path = "/api/v1/namespaces/feature-handed-over"
    assert create(api, "feature-handed-over", {}).status_code == 201
    assert merge(api, path, {"metadata": MARKS}).is_success

    assert put_in(provisioning, "feature-handed-over", "ConfigMap", "settings").status_code == 201
    assert deprovisioning.delete(path).is_success


def test_marks_make_no_environment_of_a_namespace_without_the_prefix(
    api: httpx.Client, provisioning: httpx.Client, deprovisioning: httpx.Client
) -> None:
    path = "/api/v1/namespaces/production-marked"
    assert create(api, "production-marked", MARKS).status_code == 201

    assert refused(merge(provisioning, path, {"metadata": {"labels": {"a": "b"}}}), "namespaces")
    assert refused(put_in(provisioning, "production-marked", "ConfigMap", "settings"), "objects")
    assert refused(deprovisioning.delete(path), "namespaces")
    api.delete(path)


@pytest.mark.parametrize("user", [PROVISIONING, DEPROVISIONING, SCHEDULING])
def test_each_identity_keeps_books_in_coppice_system(acting: Acting, user: str) -> None:
    client, name = acting(user), f"record-{user}"
    path = "/api/v1/namespaces/coppice-system/configmaps"
    written = client.post(path, json={"metadata": {"name": name}})
    assert written.status_code == 201
    assert client.put(f"{path}/{name}", json=written.json()).is_success
    assert client.delete(f"{path}/{name}").is_success


@pytest.mark.parametrize("user", [PROVISIONING, SCHEDULING])
def test_who_takes_locks_can_take_over_and_give_back(acting: Acting, user: str) -> None:
    client, name = acting(user), f"lock-{user}"
    path = "/apis/coordination.k8s.io/v1/namespaces/coppice-system/leases"
    assert client.post(path, json={"metadata": {"name": name}}).status_code == 201
    assert client.put(f"{path}/{name}", json=client.get(f"{path}/{name}").json()).is_success
    assert client.delete(f"{path}/{name}").is_success


def test_nothing_else_is_written_in_coppice_system(provisioning: httpx.Client) -> None:
    for kind in ("Secret", "ServiceAccount"):
        assert refused(put_in(provisioning, "coppice-system", kind, "x"), "objects")


@pytest.mark.parametrize("user", [PROVISIONING, DEPROVISIONING, SCHEDULING])
@pytest.mark.parametrize("namespace", ["default", "kube-system", "coppice-system"])
def test_no_identity_reads_secrets_outside_environments(
    api: httpx.Client, acting: Acting, user: str, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    api.post(path, json={"metadata": {"name": "x"}, "stringData": {"password": "hidden"}})
    assert api.get(f"{path}/x").is_success
    assert acting(user).get(path).status_code == 403
    assert acting(user).get(f"{path}/x").status_code == 403
    assert acting(user).get(path, params={"watch": "true"}).status_code == 403
    empty = merge(acting(user), f"{path}/x", {})  # answers with the object, if it is let through
    assert empty.status_code in {403, 422}


@pytest.mark.parametrize("user", [PROVISIONING, DEPROVISIONING, SCHEDULING])
def test_no_identity_grants_anything_or_enters_a_pod(acting: Acting, user: str, environment: str) -> None:
    client, group = acting(user), "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "more"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    assert client.post(f"/apis/{group}/v1/clusterrolebindings", json=binding).status_code == 403
    bindings = f"/apis/{group}/v1/namespaces/{environment}/rolebindings"
    assert client.post(bindings, json=binding).status_code == 403
    pod = f"/api/v1/namespaces/{environment}/pods/x"
    assert client.post(f"{pod}/exec", params={"command": "id"}).status_code == 403
    token = f"/api/v1/namespaces/{environment}/serviceaccounts/default/token"
    assert client.post(token, json={}).status_code == 403


def test_one_file_says_who_the_identities_are(kubectl: Callable[..., str], tmp_path: Path) -> None:
    folder = shutil.copytree(Path(__file__).parents[2] / "deploy" / "cluster", tmp_path / "cluster")
    identities = folder / "identities.yaml"
    text = identities.read_text().replace("00000000-0000-0000-0000-", "ffffffff-0000-0000-0000-")
    identities.write_text(text.replace("prefix: feature-", "prefix: branch-"))

    applied = kubectl("kustomize", str(folder))

    assert "00000000-0000-0000-0000-" not in applied
    assert "feature-" not in applied
    assert applied.count("ffffffff-0000-0000-0000-000000000001") == 7
    assert "'branch-'" in applied
