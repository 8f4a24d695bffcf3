"""The scheduler works as the identity that `deploy/cluster` has a role for, and needs all that it grants."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from adapters.kubernetes.gitops.adapter import GitOpsAdapter
from adapters.kubernetes.leases import Leases
from adapters.kubernetes.nodes import NodeAdapter
from adapters.kubernetes.power_store import LedgerAdapter, OverrideAdapter
from app.container import now
from devtools.cluster.audit import granted, spare, used
from devtools.cluster.connection import merge
from scheduler.ledger import Ledger
from scheduler.overrides import Override
from scheduler.schedule import Sync
from tests.cluster.gitops import make
from tests.cluster.power import as_scheduling
from tests.cluster.program import SCHEDULING

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("enforced")]

FLUX = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}
SOURCE = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository"}
RELEASE = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease"}
ARGO = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}


@pytest.fixture
def lines_before(audit_log: Path, enforced: None) -> int:
    """How long the audit log was before the scheduler did anything."""
    return len(audit_log.read_text().splitlines())


@pytest.fixture
def syncs(api: httpx.Client, namespace: str) -> tuple[Sync, ...]:
    """Entries of a schedule that find an object each, by name and by label."""

    def metadata(name: str) -> dict[str, Any]:
        return {"name": name, "namespace": namespace, "labels": {"environment": "roles"}}

    source = {"repoURL": "https://github.com/acme/gitops.git", "path": "."}
    application = {"project": "default", "source": source, "destination": {}}
    make(api, "applications", {**ARGO, "metadata": metadata("web"), "spec": application})
    repository = {"url": "https://github.com/acme/gitops.git", "interval": "1m"}
    make(api, "gitrepositories", {**SOURCE, "metadata": metadata("gitops"), "spec": repository})
    chart = {"spec": {"chart": "web", "sourceRef": {"kind": "GitRepository", "name": "gitops"}}}
    make(
        api,
        "helmreleases",
        {**RELEASE, "metadata": metadata("web"), "spec": {"interval": "1m", "chart": chart}},
    )
    reads = {"kind": "GitRepository", "name": "gitops"}
    kustomization = {"interval": "1m", "prune": True, "sourceRef": reads, "suspend": True}
    path = make(api, "kustomizations", {**FLUX, "metadata": metadata("apps"), "spec": kustomization})
    brought = {"entries": [{"id": f"{namespace}_web_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"}]}
    merge(api, f"{path}/status", {"status": {"inventory": brought}}).raise_for_status()
    return (
        Sync(argocd=f"{namespace}/web"),
        Sync(argocd=namespace, selector="environment=roles"),
        Sync(flux=f"Kustomization/{namespace}/apps"),
        Sync(flux=f"Kustomization/{namespace}", selector="environment=roles"),
    )


def test_the_role_grants_what_is_needed_and_nothing_to_spare(
    kubeconfig: Path,
    kubectl: Callable[..., str],
    audit_log: Path,
    lines_before: int,
    syncs: tuple[Sync, ...],
) -> None:
    scheduling = as_scheduling(kubeconfig)
    adapter = GitOpsAdapter(scheduling, now)
    for sync in syncs:
        (found,) = adapter.objects(sync)
        assert found.unsynced
        adapter.refresh(found)
        (asked,) = adapter.objects(sync)
        assert asked.refreshing

    machines = NodeAdapter(scheduling)
    assert machines.nodes()
    machines.pods_on(["none"])
    machines.pods_in(["default"])
    machines.budgets(["default"])

    ledgers = LedgerAdapter(scheduling)
    ledgers.write(Ledger(environment="roles"))
    ledgers.write(ledgers.ledger("roles").begin("down", now()))
    overrides = OverrideAdapter(scheduling)
    word = Override(environment="roles", state="on", since=now(), until=now(), who="dana", reason="a demo")
    overrides.write(word)
    assert replace(overrides.overrides()[0], version="") == word
    overrides.end("roles")

    with (
        Leases(scheduling, now).hold("power/roles"),
        Leases(scheduling, lambda: now() + timedelta(hours=1)).hold("power/roles") as second,
    ):
        assert second is not None

    folder = str(Path(__file__).parents[2] / "deploy" / "cluster")
    objects = list(yaml.safe_load_all(kubectl("kustomize", folder)))
    did, missed = used(audit_log.read_text().splitlines()[lines_before:], user=SCHEDULING)
    assert missed == set()
    assert spare(granted(objects, user=SCHEDULING), did) == set()
