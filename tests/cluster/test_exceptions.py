"""What the identities may do outside environments, and not a bit more of it."""

from collections.abc import Callable

import httpx
import pytest

from devtools.cluster.connection import merge

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("enforced")]

PROVISIONING, SCHEDULING = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 3))

Acting = Callable[[str], httpx.Client]


def refused(answer: httpx.Response) -> bool:
    return (
        answer.status_code == 422
        and "ValidatingAdmissionPolicy 'coppice-objects'" in answer.json()["message"]
    )


def test_the_scheduler_asks_argo_cd_to_look_again_and_changes_nothing_else(
    api: httpx.Client, acting: Acting, namespace: str
) -> None:
    scheduling = acting(SCHEDULING)
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications"
    application = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "staging", "annotations": {"team": "blue"}},
        "spec": {"project": "default", "source": {"repoURL": "https://git.example/x"}, "destination": {}},
    }
    assert api.post(path, json=application).status_code == 201
    path = f"{path}/staging"

    asked = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}
    assert merge(scheduling, path, asked).is_success

    for change in (
        {"spec": {"project": "other"}},
        {"operation": {"sync": {"revision": "f00"}}},
        {"status": {"sync": {"status": "Synced"}}},
        {"metadata": {"labels": {"a": "b"}}},
        {"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}},
        {"metadata": {"annotations": {"team": None}}},
        {"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}},
    ):
        assert refused(merge(scheduling, path, change)), change
    assert scheduling.delete(path).status_code == 403


@pytest.mark.parametrize(
    ("group", "kind", "plural", "spec"),
    [
        (
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "kustomizations",
            {"prune": True, "sourceRef": {"kind": "GitRepository", "name": "x"}},
        ),
        ("source.toolkit.fluxcd.io/v1", "GitRepository", "gitrepositories", {"url": "https://git.example/x"}),
    ],
)
def test_the_scheduler_asks_flux_to_look_again_and_changes_nothing_else(
    api: httpx.Client,
    acting: Acting,
    namespace: str,
    group: str,
    kind: str,
    plural: str,
    spec: dict[str, object],
) -> None:
    scheduling = acting(SCHEDULING)
    path = f"/apis/{group}/namespaces/{namespace}/{plural}"
    document = {"apiVersion": group, "kind": kind, "metadata": {"name": "staging"}}
    assert api.post(path, json={**document, "spec": {"interval": "1m", **spec}}).status_code == 201
    path = f"{path}/staging"

    asked = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}
    assert merge(scheduling, path, asked).is_success
    assert refused(merge(scheduling, path, {"spec": {"suspend": True}}))


def test_of_kube_system_only_the_two_monitoring_config_maps_are_updated(
    api: httpx.Client, acting: Acting
) -> None:
    provisioning, scheduling = acting(PROVISIONING), acting(SCHEDULING)
    path = "/api/v1/namespaces/kube-system/configmaps"
    for name in ("ama-metrics-prometheus-config", "someone-elses"):
        api.post(path, json={"metadata": {"name": name}})
    body = {"metadata": {"name": "ama-metrics-prometheus-config"}, "data": {"a": "b"}}
    assert provisioning.put(f"{path}/ama-metrics-prometheus-config", json=body).is_success
    assert scheduling.put(f"{path}/ama-metrics-prometheus-config", json=body).status_code == 403

    body["metadata"] = {"name": "someone-elses"}
    assert provisioning.put(f"{path}/someone-elses", json=body).status_code == 403
    assert refused(merge(provisioning, f"{path}/someone-elses", body))
    assert refused(provisioning.delete(f"{path}/ama-metrics-prometheus-config"))
