"""What Applications report, in the words of the real Argo CD, and how they are asked to look at Git."""

from typing import Any

import pytest

from adapters.kubernetes.gitops.adapter import GitOpsAdapter
from coppice.reconciler.errors import Rejected
from scheduler.gitops import Synced
from scheduler.schedule import Sync
from tests.integration.adapters.worlds import Cluster

OLD, NEW = "a" * 40, "b" * 40
URL = "https://github.com/Acme/GitOps.git"
APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
ARGO = Sync(argocd="argocd/dev")
SYNCED = {"sync": {"status": "Synced", "revision": NEW}, "health": {"status": "Healthy"}}


@pytest.fixture
def syncs(cluster: Cluster) -> GitOpsAdapter:
    cluster.namespace("argocd")
    return GitOpsAdapter(cluster.api, cluster.clock)


def application(cluster: Cluster, status: dict[str, Any], **spec: Any) -> None:
    source = {} if "sources" in spec else {"source": {"repoURL": URL}}
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "dev", "labels": {"environment": "dev"}},
        "spec": {**source, **spec},
        "status": status,
    }
    cluster.made(APPLICATIONS, document)


def only(syncs: GitOpsAdapter, sync: Sync) -> Synced:
    (found,) = syncs.objects(sync)
    return found


@pytest.mark.parametrize("sync", [ARGO, Sync(argocd="argocd", selector="environment=dev")])
def test_an_application_is_found_by_name_and_by_label(
    syncs: GitOpsAdapter, cluster: Cluster, sync: Sync
) -> None:
    application(cluster, SYNCED)
    assert only(syncs, sync) == Synced(
        kind="Application", namespace="argocd", name="dev", revisions={"acme/gitops": NEW}
    )


@pytest.mark.parametrize("sync", [ARGO, Sync(argocd="argocd", selector="environment=dev")])
def test_what_does_not_stand_is_no_object(syncs: GitOpsAdapter, sync: Sync) -> None:
    assert syncs.objects(sync) == ()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/gitops", "acme/gitops"),
        ("https://github.com/acme/gitops.git/", "acme/gitops"),
        ("git@github.com:acme/gitops.git", "acme/gitops"),
        ("ssh://git@github.com:22/acme/gitops.git", "acme/gitops"),
        ("file:///srv/git/acme/gitops.git", "acme/gitops"),
    ],
)
def test_a_repository_is_known_by_each_form_of_its_address(
    syncs: GitOpsAdapter, cluster: Cluster, url: str, name: str
) -> None:
    application(cluster, SYNCED, source={"repoURL": url})
    assert only(syncs, ARGO).revisions == {name: NEW}


def test_an_application_of_several_sources_is_at_a_commit_of_each(
    syncs: GitOpsAdapter, cluster: Cluster
) -> None:
    sources = [{"repoURL": URL}, {"repoURL": "https://charts.example.test/stable"}]
    sync = {"status": "Synced", "revisions": [NEW, "1.2.3"]}
    application(cluster, {**SYNCED, "sync": sync}, sources=sources)
    assert only(syncs, ARGO).revisions == {"acme/gitops": NEW}


def test_of_a_repository_that_is_read_twice_the_branch_is_told(
    syncs: GitOpsAdapter, cluster: Cluster
) -> None:
    sources = [
        {"repoURL": URL, "targetRevision": "v1.2.3", "path": "chart"},
        {"repoURL": URL, "targetRevision": "main", "ref": "values"},
    ]
    for target in ("main", "HEAD", "refs/heads/main"):
        sources[1]["targetRevision"] = target
        sync = {"status": "Synced", "revisions": [OLD, NEW]}
        application(cluster, {**SYNCED, "sync": sync}, sources=sources)
        found = only(syncs, ARGO)
        assert found.revision("Acme/GitOps", "main") == NEW
        assert found.revision("acme/other", "main") == ""
        cluster.http.delete(f"{APPLICATIONS}/dev").raise_for_status()


def test_commits_are_those_of_the_sources_that_were_compared(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    """Whoever changes the sources changes their order at once; the comparison follows later."""
    chart = {"repoURL": "https://github.com/acme/charts", "targetRevision": "main"}
    gitops = {"repoURL": URL, "targetRevision": "main"}
    compared = {"destination": {}, "source": {"repoURL": ""}, "sources": [chart, gitops]}
    sync = {"status": "Synced", "revisions": [OLD, NEW], "comparedTo": compared}
    application(cluster, {**SYNCED, "sync": sync}, sources=[gitops, chart])
    assert only(syncs, ARGO).revisions == {"acme/charts": OLD, "acme/gitops": NEW}


@pytest.mark.parametrize(("tried", "unsynced"), [(OLD, ""), (NEW, "its last sync failed: a hook")])
def test_of_several_sources_a_sync_that_failed_at_other_commits_is_history(
    syncs: GitOpsAdapter, cluster: Cluster, tried: str, unsynced: str
) -> None:
    sources = [{"repoURL": URL}, {"repoURL": "https://charts.example.test/stable"}]
    failed = {"phase": "Failed", "message": "a hook", "syncResult": {"revisions": [tried, "1.2.3"]}}
    sync = {"status": "Synced", "revisions": [NEW, "1.2.3"]}
    application(cluster, {**SYNCED, "sync": sync, "operationState": failed}, sources=sources)
    assert only(syncs, ARGO).unsynced == unsynced


def test_while_argo_cd_cannot_read_git_it_names_the_branch_and_that_is_no_commit(
    syncs: GitOpsAdapter, cluster: Cluster
) -> None:
    conditions = [
        {"type": "ComparisonError", "message": "kustomize build failed: no missing.yaml"},
        {"type": "OrphanedResourceWarning", "message": "of no interest"},
    ]
    application(cluster, {"sync": {"status": "Unknown", "revision": "main"}, "conditions": conditions})
    found = only(syncs, ARGO)
    assert found.revisions == {}
    assert found.unsynced == "it is Unknown; kustomize build failed: no missing.yaml"


@pytest.mark.parametrize(
    ("status", "operation", "unsynced"),
    [
        ("Synced", None, ""),
        ("Synced", {"phase": "Succeeded"}, ""),
        ("OutOfSync", {"phase": "Succeeded"}, "it is OutOfSync"),
        (
            "OutOfSync",
            {"phase": "Running", "message": "port 99999. Retrying attempt #1"},
            "a sync is running: port 99999. Retrying attempt #1",
        ),
        ("OutOfSync", {"phase": "Failed", "message": "port 99999"}, "its last sync failed: port 99999"),
        ("Synced", {"phase": "Failed", "message": "a hook"}, "its last sync failed: a hook"),
        (
            "Synced",
            {"phase": "Failed", "message": "a hook", "syncResult": {"revision": NEW}},
            "its last sync failed: a hook",
        ),
        ("Synced", {"phase": "Failed", "message": "taken back since", "syncResult": {"revision": OLD}}, ""),
    ],
)
def test_an_application_is_synced_only_if_nothing_runs_or_failed_at_its_commit(
    syncs: GitOpsAdapter, cluster: Cluster, status: str, operation: dict[str, Any] | None, unsynced: str
) -> None:
    done = {} if operation is None else {"operationState": operation}
    application(cluster, {**SYNCED, "sync": {"status": status, "revision": NEW}, **done})
    assert only(syncs, ARGO).unsynced == unsynced


def test_an_application_that_is_not_healthy_says_how_it_is(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    application(cluster, {**SYNCED, "health": {"status": "Degraded"}})
    assert only(syncs, ARGO).unhealthy == "its health is Degraded"


def test_a_new_application_has_said_nothing_yet(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    application(cluster, {})
    found = only(syncs, ARGO)
    assert (found.revisions, found.unsynced) == ({}, "it is Unknown")


def test_a_status_of_another_shape_is_said_and_breaks_nothing_off(
    syncs: GitOpsAdapter, cluster: Cluster
) -> None:
    application(cluster, {"sync": ["Synced"]})
    with pytest.raises(Rejected, match="what Application argocd/dev reports cannot be read"):
        syncs.objects(ARGO)


def test_argo_cd_is_asked_by_one_annotation(syncs: GitOpsAdapter, cluster: Cluster) -> None:
    application(cluster, SYNCED)
    syncs.refresh(only(syncs, ARGO))
    annotations = cluster.standing(f"{APPLICATIONS}/dev")["metadata"]["annotations"]
    assert annotations == {"argocd.argoproj.io/refresh": "normal"}
    assert only(syncs, ARGO).refreshing
    assert cluster.asked("PATCH", "PUT", "POST") == [f"PATCH {APPLICATIONS}/dev"]
