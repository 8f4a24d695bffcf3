"""The status: at a place of its own for most kinds, part of the object for Argo CD's applications."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}
Apply = Callable[..., httpx.Response]
FLUX = "kustomize.toolkit.fluxcd.io/v1"
ARGO = "argoproj.io/v1alpha1"


@pytest.fixture
def kustomization(api: httpx.Client, namespace: str) -> str:
    path = f"/apis/{FLUX}/namespaces/{namespace}/kustomizations"
    spec = {"interval": "1m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "apps"}}
    document = {"apiVersion": FLUX, "kind": "Kustomization", "metadata": {"name": "apps"}, "spec": spec}
    api.post(path, json=document).raise_for_status()
    return f"{path}/apps"


def test_the_status_is_written_at_its_own_place(api: httpx.Client, kustomization: str) -> None:
    status = {"lastAppliedRevision": "main@sha1:0"}

    ignored = api.patch(kustomization, headers=MERGE, json={"status": status})
    written = api.patch(f"{kustomization}/status", headers=MERGE, json={"status": status})

    assert "lastAppliedRevision" not in ignored.json().get("status", {})
    assert written.json()["status"]["lastAppliedRevision"] == "main@sha1:0"
    assert written.json()["metadata"]["generation"] == 1
    assert api.get(kustomization).json()["status"] == written.json()["status"]


def test_nothing_else_is_written_there(api: httpx.Client, kustomization: str) -> None:
    other = {"spec": {"prune": False}, "status": {"lastAppliedRevision": "main@sha1:1"}}

    written = api.patch(f"{kustomization}/status", headers=MERGE, json=other).json()

    assert written["spec"]["prune"] is True
    assert written["status"]["lastAppliedRevision"] == "main@sha1:1"


def test_what_is_applied_leaves_the_status_alone(api: httpx.Client, apply: Apply, kustomization: str) -> None:
    api.patch(f"{kustomization}/status", headers=MERGE, json={"status": {"lastAppliedRevision": "a"}})
    spec = {"interval": "2m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "apps"}}
    document = {"apiVersion": FLUX, "kind": "Kustomization", "metadata": {"name": "apps"}, "spec": spec}

    applied = apply(kustomization, document, force=True).json()

    assert applied["spec"]["interval"] == "2m"
    assert applied["status"]["lastAppliedRevision"] == "a"
    assert {one.get("subresource", "") for one in applied["metadata"]["managedFields"]} >= {"", "status"}


def test_an_application_carries_its_status_in_itself(api: httpx.Client, namespace: str) -> None:
    path = f"/apis/{ARGO}/namespaces/{namespace}/applications"
    document: dict[str, Any] = {"apiVersion": ARGO, "kind": "Application", "metadata": {"name": "dev"}}
    document["spec"] = {"project": "default", "destination": {}}
    document["status"] = {"sync": {"status": "Synced", "revision": "0"}}

    created = api.post(path, json=document)

    assert created.json()["status"]["sync"]["revision"] == "0"
    assert api.get(f"{path}/dev/status").status_code == 404
    annotations = {"argocd.argoproj.io/refresh": "normal"}
    patched = api.patch(f"{path}/dev", headers=MERGE, json={"metadata": {"annotations": annotations}}).json()
    assert patched["metadata"]["annotations"] == annotations
    assert patched["status"] == created.json()["status"]


def test_conditions_that_are_no_maps_are_not_of_the_custom_kind(
    api: httpx.Client, kustomization: str
) -> None:
    refused = api.patch(f"{kustomization}/status", headers=MERGE, json={"status": {"conditions": ["a"]}})

    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")
    assert "status.conditions[0]" in refused.json()["message"]
    assert "must be of type object" in refused.json()["message"]


def test_conditions_that_are_no_maps_cannot_be_read(api: httpx.Client, namespace: str) -> None:
    path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    budget = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}}
    created = api.post(path, json=budget).json()

    refused = api.put(f"{path}/web/status", json=created | {"status": {"conditions": ["a"]}})

    assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")
    assert "cannot be handled as a PodDisruptionBudget: json: cannot unmarshal" in refused.json()["message"]
