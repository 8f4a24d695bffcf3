"""The main job works as the identities that `deploy/cluster` has roles for, and needs all that they grant."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from adapters.kubernetes.leases import Leases
from app.container import now
from coppice.environment.key import Key
from coppice.environment.records import Request
from coppice.reconciler.outcome import Done, Stalled
from devtools.cluster.audit import granted, spare, used
from devtools.cluster.connection import merge
from devtools.cluster.waiting import wait_for
from tests.cluster.overlay import config_map, cron_job, greedy, one_of_each_kind
from tests.cluster.program import DEPROVISIONING, PROVISIONING, REPOSITORY, Program, running_program

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("enforced")]


@pytest.fixture(scope="module")
def program(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running_program(kubeconfig, tmp_path_factory.mktemp("program")) as program:
        yield program


@pytest.fixture(scope="module", autouse=True)
def lines_before(audit_log: Path, enforced: None) -> int:
    """How long the audit log was before the program did anything."""
    return len(audit_log.read_text().splitlines())


def stands(api: httpx.Client, namespace: str) -> bool:
    return api.get(f"/api/v1/namespaces/{namespace}").is_success


def test_an_environment_lives_and_dies_with_its_branch(program: Program, api: httpx.Client) -> None:
    program.push("roles", [*one_of_each_kind(), cron_job("nightly")])
    assert isinstance(program.settle("roles"), Done)
    deployment = api.get("/apis/apps/v1/namespaces/feature-roles/deployments/web").json()
    assert deployment["status"]["availableReplicas"] == 1

    program.push("roles", [cron_job("nightly")])
    assert isinstance(program.settle("roles"), Done)
    assert api.get("/api/v1/namespaces/feature-roles/secrets").json()["items"] == []

    program.repository.delete("roles")
    assert isinstance(program.settle("roles"), Done)
    assert not stands(api, "feature-roles")


def test_a_hold_takes_an_environment_away_and_a_push_brings_it_back(
    program: Program, api: httpx.Client
) -> None:
    program.push("held", [config_map("web")])
    assert isinstance(program.settle("held"), Done)
    hold = Request(
        key=Key(repository=REPOSITORY, branch="held"),
        slug=program.composition.config.name("held").slug,
        action="hold",
        commit=program.repository.branches()["held"],
        at=now().isoformat(),
    )
    program.composition.records.ask(hold)
    assert isinstance(program.settle("held"), Done)
    assert not stands(api, "feature-held")

    program.push("held", [config_map("web"), config_map("more")])
    assert isinstance(program.settle("held"), Done)
    assert stands(api, "feature-held")

    program.repository.delete("held")
    assert isinstance(program.settle("held"), Done)


def test_a_namespace_that_was_handed_over_goes_when_its_branch_is_gone(
    program: Program, api: httpx.Client
) -> None:
    metadata = {
        "name": "feature-adopted",
        "labels": {"app.kubernetes.io/managed-by": "coppice", "app.kubernetes.io/part-of": "adopted"},
        "annotations": {"coppice.dev/repository": REPOSITORY, "coppice.dev/branch": "adopted"},
    }
    assert api.post("/api/v1/namespaces", json={"metadata": metadata}).status_code == 201

    assert isinstance(program.settle("adopted"), Done)

    assert not stands(api, "feature-adopted")


def test_a_finalizer_that_nobody_removes_is_named_and_the_namespace_goes_without_it(
    program: Program, api: httpx.Client
) -> None:
    program.push("kept", [config_map("web")])
    assert isinstance(program.settle("kept"), Done)
    namespace = "/api/v1/namespaces/feature-kept"
    path = f"{namespace}/configmaps/web"
    assert merge(api, path, {"metadata": {"finalizers": ["example.test/kept"]}}).is_success
    program.repository.delete("kept")
    reconciler = program.composition.reconciler
    reconciler.reconcile(Key(repository=REPOSITORY, branch="kept"))
    wait_for("the server to say what keeps it", lambda: "example.test/kept" in api.get(namespace).text)

    later = replace(reconciler, now=lambda: now() + timedelta(minutes=11))
    outcome = program.settle("kept", reconciler=later)
    assert isinstance(outcome, Stalled)
    assert "example.test/kept" in outcome.why

    assert merge(api, path, {"metadata": {"finalizers": None}}).is_success
    assert isinstance(program.settle("kept"), Done)


def test_pods_that_a_quota_does_not_let_in_are_told_from_events(program: Program) -> None:
    program.push("greedy", [greedy("db")])
    key = Key(repository=REPOSITORY, branch="greedy")
    seen: list[str] = []

    def told() -> bool:
        seen.append(str(program.composition.reconciler.reconcile(key).outcome))
        return "StatefulSet/db: FailedCreate: " in seen[-1] and "exceeded quota: coppice-quota" in seen[-1]

    wait_for("the reason", told)
    program.repository.delete("greedy")
    assert isinstance(program.settle("greedy"), Done)


def test_a_lock_whose_holder_died_is_taken_over(program: Program) -> None:
    api = program.composition.provisioning_api
    with (
        Leases(api, now).hold("roles"),
        Leases(api, lambda: now() + timedelta(hours=1)).hold("roles") as second,
    ):
        assert second is not None


# Last: it looks back on what the tests above had the program do.
def test_the_roles_grant_what_was_needed_and_nothing_to_spare(
    program: Program, kubectl: Callable[..., str], audit_log: Path, lines_before: int
) -> None:
    program.composition.reconciler.sweep(most_deletions=0)
    program.composition.reconciler.locks.clear_away()
    folder = str(Path(__file__).parents[2] / "deploy" / "cluster")
    objects = list(yaml.safe_load_all(kubectl("kustomize", folder)))

    for user in (PROVISIONING, DEPROVISIONING):
        did, missed = used(audit_log.read_text().splitlines()[lines_before:], user=user)
        # The shared monitoring configuration belongs to a part that these environments do not have.
        unused = {each for each in spare(granted(objects, user=user), did) if each.namespace != "kube-system"}
        assert missed == set()
        assert unused == set()
