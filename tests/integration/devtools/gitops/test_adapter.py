"""What the program's adapter makes of the players' objects, and that they do what it asks."""

from datetime import UTC, datetime

import pytest
from kubernetes.client import Configuration

from adapters.kubernetes.client import Api
from adapters.kubernetes.gitops.adapter import GitOpsAdapter
from scheduler.gitops import Synced
from scheduler.schedule import Sync
from tests.integration.devtools.gitops.conftest import GLOBALS, RELEASE, World

DEV = Sync(argocd="argocd", selector="environment=dev")
APPS = Sync(flux="Kustomization/flux-system/apps")
FLAGS: dict[str, tuple[str, str, str | int]] = {
    "argocd": (GLOBALS, "environment.state", "off"),
    "flux": (RELEASE, "spec.values.replicaCount", 0),
}


@pytest.fixture
def syncs(world: World) -> GitOpsAdapter:
    return GitOpsAdapter(Api(Configuration(host=world.url)), lambda: datetime.now(UTC))


def only(syncs: GitOpsAdapter, sync: Sync) -> Synced:
    (found,) = syncs.objects(sync)
    return found


@pytest.mark.parametrize(("name", "sync"), [("argocd", DEV), ("flux", APPS)])
def test_a_refresh_brings_the_commit_and_says_so_only_then(
    world: World, syncs: GitOpsAdapter, name: str, sync: Sync
) -> None:
    before = only(syncs, sync)
    assert (before.unsynced, before.unhealthy, before.refreshing) == ("", "", False)
    world.simulator.change({"sync_seconds": 3600})
    commit = world.commit(*FLAGS[name])

    syncs.refresh(before)
    assert only(syncs, sync).refreshing
    world.reconcile()
    assert only(syncs, sync).unsynced
    world.simulator.change({"sync_seconds": 0})
    world.reconcile()

    after = only(syncs, sync)
    assert after.revisions == {"acme/gitops": commit}
    assert (after.unsynced, after.unhealthy, after.refreshing) == ("", "", False)


@pytest.mark.parametrize(("name", "sync"), [("argocd", DEV), ("flux", APPS)])
def test_one_that_sees_the_commit_late_is_synced_at_the_one_before(
    world: World, syncs: GitOpsAdapter, name: str, sync: Sync
) -> None:
    before = only(syncs, sync)
    world.simulator.change({"lag_seconds": 3600})
    world.commit(*FLAGS[name])

    syncs.refresh(before)
    world.reconcile()

    assert only(syncs, sync) == before


@pytest.mark.parametrize(("name", "sync"), [("argocd", DEV), ("flux", APPS)])
def test_one_that_fails_is_unsynced_and_says_why(
    world: World, syncs: GitOpsAdapter, name: str, sync: Sync
) -> None:
    world.simulator.change({"failing": ["*"]})
    world.commit(*FLAGS[name])

    syncs.refresh(only(syncs, sync))
    world.reconcile()

    assert "asked to fail" in only(syncs, sync).unsynced
