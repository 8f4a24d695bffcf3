"""What Kustomizations report, in the words of the real Flux, and how they are asked to look at Git."""

from typing import Any

import pytest

from adapters.kubernetes.gitops.adapter import GitOpsAdapter
from coppice.reconciler.errors import Gone, Rejected
from scheduler.gitops import Synced
from scheduler.schedule import Sync
from tests.integration.adapters.worlds import Cluster

OLD, NEW = "a" * 40, "b" * 40
URL = "https://github.com/Acme/GitOps.git"
KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations"
SOURCES = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories"
RELEASES = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/staging/helmreleases"
FLUX = Sync(flux="Kustomization/flux-system/apps")


@pytest.fixture
def syncs(cluster: Cluster) -> GitOpsAdapter:
    for name in ("flux-system", "staging"):
        cluster.namespace(name)
    return GitOpsAdapter(cluster.api, cluster.clock)


def written(cluster: Cluster, path: str, kind: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
    """Make an object of Flux', and its status as the controller writes it: for the generation that stands."""
    name = {"Kustomization": "apps", "GitRepository": "gitops", "HelmRelease": "web"}[kind]
    group = path.split("/")[2:4]
    head = {"apiVersion": "/".join(group), "kind": kind, "metadata": {"name": name}}
    cluster.made(path, {**head, "spec": spec})
    told(cluster, f"{path}/{name}", status)


def told(cluster: Cluster, path: str, status: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = cluster.http.patch(f"{path}/status", json={"status": status}, headers=headers)
    answer.raise_for_status()


def ready(status: str = "True", reason: str = "ReconciliationSucceeded", message: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": status, "reason": reason, "message": message}]}


def kustomization(cluster: Cluster, *, brings: str = "", **status: Any) -> None:
    written(cluster, SOURCES, "GitRepository", {"url": URL}, {})
    reads = {"kind": "GitRepository", "name": "gitops"}
    inventory = {"inventory": {"entries": [{"id": brings, "v": "v2"}]}} if brings else {}
    applied = {"lastAppliedRevision": f"main@sha1:{NEW}", "observedGeneration": 1, **ready(), **inventory}
    written(cluster, KUSTOMIZATIONS, "Kustomization", {"sourceRef": reads}, {**applied, **status})


def only(syncs: GitOpsAdapter, sync: Sync) -> Synced:
    (found,) = syncs.objects(sync)
    return found


def test_a_kustomization_that_does_not_stand_is_no_object(syncs: GitOpsAdapter) -> None:
    assert syncs.objects(FLUX) == ()


def test_a_kustomization_is_at_the_commit_that_it_has_applied(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    kustomization(cluster)
    assert only(syncs, FLUX) == Synced(
        kind="Kustomization", namespace="flux-system", name="apps", revisions={"acme/gitops": NEW}
    )


@pytest.mark.parametrize(
    ("status", "unsynced"),
    [
        ({"observedGeneration": 0}, "its controller has not looked at its latest generation yet"),
        (ready("False", "BuildFailed", "no missing.yaml"), "it is BuildFailed: no missing.yaml"),
        (ready("Unknown", "Progressing", "looking"), "it is Progressing: looking"),
    ],
)
def test_a_kustomization_that_is_not_ready_says_why(
    syncs: GitOpsAdapter, cluster: Cluster, status: dict[str, Any], unsynced: str
) -> None:
    kustomization(cluster, **status)
    found = only(syncs, FLUX)
    assert (found.unsynced, found.unhealthy) == (unsynced, "")


def test_a_kustomization_tells_the_commit_that_it_could_not_apply(
    syncs: GitOpsAdapter, cluster: Cluster
) -> None:
    kustomization(cluster, lastAppliedRevision=f"main@sha1:{OLD}", lastAttemptedRevision=f"main@sha1:{NEW}")
    found = only(syncs, FLUX)
    assert (found.revisions, found.tried) == ({"acme/gitops": OLD}, {"acme/gitops": NEW})


def test_a_kustomization_whose_health_check_failed_is_not_healthy(
    syncs: GitOpsAdapter, cluster: Cluster
) -> None:
    kustomization(cluster, **ready("False", "HealthCheckFailed", "web is not there"))
    assert only(syncs, FLUX).unhealthy == "it is HealthCheckFailed: web is not there"


def test_a_kustomization_that_is_suspended_says_so(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    kustomization(cluster)
    headers = {"Content-Type": "application/merge-patch+json"}
    cluster.http.patch(f"{KUSTOMIZATIONS}/apps", json={"spec": {"suspend": True}}, headers=headers)
    assert only(syncs, FLUX).unsynced == "it is suspended"


def test_a_kustomization_is_in_force_only_when_its_helm_releases_are(
    syncs: GitOpsAdapter, cluster: Cluster
) -> None:
    written(cluster, RELEASES, "HelmRelease", {"values": {"replicaCount": 0}}, {})
    kustomization(cluster, brings="staging_web_helm.toolkit.fluxcd.io_HelmRelease")
    late = "HelmRelease staging/web: its controller has not looked at its latest generation yet"
    assert only(syncs, FLUX).unsynced == late

    told(cluster, f"{RELEASES}/web", {"observedGeneration": 1, **ready("False", "UpgradeFailed", "no")})
    assert only(syncs, FLUX).unsynced == "HelmRelease staging/web: it is UpgradeFailed: no"

    told(cluster, f"{RELEASES}/web", {"observedGeneration": 1, **ready()})
    assert only(syncs, FLUX).unsynced == ""


def test_objects_of_other_kinds_are_not_looked_at(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    kustomization(cluster, brings="staging_web_apps_Deployment")
    assert only(syncs, FLUX).unsynced == ""


@pytest.mark.parametrize(
    "brings",
    [
        "_system__x_rbac.authorization.k8s.io_ClusterRole",
        "staging_a__b__c_rbac.authorization.k8s.io_RoleBinding",
        "_staging__Namespace",
    ],
)
def test_a_name_with_a_colon_is_read_as_cli_utils_writes_it(
    syncs: GitOpsAdapter, cluster: Cluster, brings: str
) -> None:
    kustomization(cluster, brings=brings)
    assert only(syncs, FLUX).unsynced == ""


def test_a_release_is_found_whatever_stands_in_its_name(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    kustomization(cluster, brings="staging_a__b_helm.toolkit.fluxcd.io_HelmRelease")
    with pytest.raises(Gone, match="a:b"):
        syncs.objects(FLUX)


@pytest.mark.parametrize("brings", ["x", "staging_web", "staging_web_apps"])
def test_an_entry_that_cannot_be_read_is_named_with_its_kustomization(
    syncs: GitOpsAdapter, cluster: Cluster, brings: str
) -> None:
    kustomization(cluster, brings=brings)
    with pytest.raises(Rejected, match=f"Kustomization flux-system/apps .* the entry '{brings}'"):
        syncs.objects(FLUX)


def test_a_kustomization_whose_source_is_gone_is_not_read(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    kustomization(cluster)
    cluster.http.delete(f"{SOURCES}/gitops").raise_for_status()
    with pytest.raises(Gone, match="gitops"):
        syncs.objects(FLUX)


def test_a_kustomization_that_does_not_read_git_is_said(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    reads = {"kind": "OCIRepository", "name": "gitops"}
    written(cluster, KUSTOMIZATIONS, "Kustomization", {"sourceRef": reads}, {})
    with pytest.raises(Rejected, match="flux-system/apps reads the OCIRepository gitops"):
        syncs.objects(FLUX)


def test_flux_is_asked_through_the_source_that_it_reads(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    kustomization(cluster)
    found = only(syncs, FLUX)
    assert not found.refreshing

    syncs.refresh(found)

    asked = {"reconcile.fluxcd.io/requestedAt": cluster.clock().isoformat()}
    for path in (f"{SOURCES}/gitops", f"{KUSTOMIZATIONS}/apps"):
        assert cluster.standing(path)["metadata"]["annotations"] == asked
    assert only(syncs, FLUX).refreshing
    told(cluster, f"{KUSTOMIZATIONS}/apps", {"lastHandledReconcileAt": cluster.clock().isoformat()})
    assert not only(syncs, FLUX).refreshing
