"""An evening and a morning with Flux' real kustomize-controller, when it is quick, and when it is not."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from coppice.reconciler.outcome import Done, Stalled
from devtools.cluster.connection import merge
from devtools.cluster.flux import Flux, playing_sources, running_flux
from devtools.cluster.waiting import wait_for
from devtools.emulators.github.repository import Repository
from tests.cluster.power import (
    EVENING,
    MORNING,
    NEEDS_KWOK,
    REPOSITORY,
    Environment,
    Stage,
    bare_repository,
    make,
    staged,
    stopped,
    wait_for_pods,
)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300), NEEDS_KWOK, pytest.mark.usefixtures("enforced")]

FLAG = "apps/staging/web.yaml"
OBJECTS = "apps/staging/kustomization.yaml"
PATHS = {
    name: f"/apis/{group}/namespaces/flux-system/{name}"
    for name, group in (
        ("gitrepositories", "source.toolkit.fluxcd.io/v1"),
        ("kustomizations", "kustomize.toolkit.fluxcd.io/v1"),
    )
}
SCHEDULE = """\
protected_pools: [prod]
environments:
  staging:
    awake: ["Mon-Fri 06:00-20:00"]
    namespaces: [staging]
    pools: [staging]
    state: [{file: apps/staging/web.yaml, path: spec.replicas, on: 2, off: 0}]
    sync: [{flux: Kustomization/flux-system/staging}]
"""


def kustomization(*resources: str) -> bytes:
    return yaml.safe_dump({"namespace": "staging", "resources": ["namespace.yaml", *resources]}).encode()


def web(pool: str, replicas: int) -> str:
    """A Deployment that runs on one pool alone."""
    labels = {"app": "web"}
    container = {"name": "web", "image": "registry.example/web:1"}
    pod = {"nodeSelector": {"kubernetes.azure.com/agentpool": pool}, "containers": [container]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    return yaml.safe_dump(manifest)


@pytest.fixture(scope="module")
def flux(kubeconfig: Path, flux_programs: None) -> Iterator[Flux]:
    with running_flux(kubeconfig) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Two environments, staging and production."""
    for name, pool, replicas in (("staging", "staging", 2), ("production", "prod", 3)):
        folder = tmp_path / "seed" / "apps" / name
        folder.mkdir(parents=True)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        (folder / "namespace.yaml").write_text(yaml.safe_dump(namespace))
        (folder / "web.yaml").write_text(web(pool, replicas))
        objects = {"namespace": name, "resources": ["namespace.yaml", "web.yaml"]}
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(objects))
    return bare_repository(tmp_path, tmp_path / "seed")


@pytest.fixture
def stage(
    kubeconfig: Path, api: httpx.Client, flux: Flux, repository: Repository, tmp_path: Path
) -> Iterator[Stage]:
    """Staging and production as they are in the afternoon."""

    def in_force() -> str:
        return str(applied(api).get("lastAppliedRevision", "")).rpartition(":")[2]

    environment = Environment(
        name="staging",
        namespace="staging",
        file=FLAG,
        path=("spec", "replicas"),
        schedule=SCHEDULE,
        in_force=in_force,
    )
    namespaces = ("staging", "production")
    with (
        playing_sources(kubeconfig, repository),
        staged(kubeconfig, api, tmp_path, repository=repository, environment=environment) as stage,
    ):
        made = [deploy(api, name) for name in namespaces]
        wait_for_pods(stage, 2)
        wait_for_pods(stage, 3, "production")
        wait_for("Flux to say so", lambda: is_ready(api))
        yield stage
        for path in made:  # what they brought goes with them
            api.delete(path).raise_for_status()
        wait_for("them to go", lambda: not any(api.get(path).is_success for path in made))
        api.delete(f"{PATHS['gitrepositories']}/gitops").raise_for_status()
        wait_for("the namespaces to go", lambda: not any(stands(api, each) for each in namespaces))


def deploy(api: httpx.Client, name: str) -> str:
    """Make an environment's Kustomization, and the GitRepository that it reads."""
    source = {"interval": "1h", "url": f"https://github.com/{REPOSITORY}.git", "ref": {"branch": "main"}}
    manifest = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository"}
    metadata = {"name": "gitops", "namespace": "flux-system"}
    make(api, "gitrepositories", {**manifest, "metadata": metadata, "spec": source})
    spec = {
        "interval": "1h",
        "retryInterval": "1h",
        "timeout": "30s",
        "path": f"./apps/{name}",
        "prune": True,
        "wait": True,
        "sourceRef": {"kind": "GitRepository", "name": "gitops"},
    }
    manifest = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}
    return make(api, "kustomizations", {**manifest, "metadata": {**metadata, "name": name}, "spec": spec})


def applied(api: httpx.Client) -> dict[str, Any]:
    found = api.get(f"{PATHS['kustomizations']}/staging").raise_for_status().json()
    status: dict[str, Any] = found.get("status", {})
    return status


def is_ready(api: httpx.Client) -> bool:
    conditions = applied(api).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def stands(api: httpx.Client, namespace: str) -> bool:
    return api.get(f"/api/v1/namespaces/{namespace}").is_success


def nothing_happened_to_the_nodes(stage: Stage) -> bool:
    """Whether the pool was at most made a note of, and its node and pods are as before."""
    wrote = {each.wrote for each in stage.pictures}
    return wrote <= {"remember", "commit"} and (stage.ready_nodes(), stage.ready_pods()) == (1, 2)


def test_an_evening_and_a_morning(stage: Stage) -> None:
    before = stage.settings

    assert isinstance(stage.settle(EVENING), Done)

    assert stage.flag_at(stage.head) == 0
    evening = stage.pictures
    assert [(each.wrote, each.flag, each.pods, each.nodes) for each in evening] == [
        ("remember", 2, 2, 1),
        ("commit", 2, 2, 1),
        ("autoscaler off", 0, 0, 1),
        ("count 0", 0, 0, 1),
    ]
    assert {each.commit for each in evening[2:]} == {stage.head}
    assert (len(stage.pods()), stage.ready_nodes()) == (0, 0)

    stage.pictures = []
    assert isinstance(stage.settle(MORNING), Done)

    assert stage.flag_at(stage.head) == 2
    morning = stage.pictures
    assert [(each.wrote, each.flag, each.nodes) for each in morning] == [
        ("count 1", 0, 0),
        ("commit", 0, 1),
        ("autoscaler 1 to 2", 2, 1),
        ("forget", 2, 1),
    ]
    assert {each.commit for each in morning[2:]} == {stage.head}
    assert (stage.ready_pods(), stage.ready_nodes()) == (2, 1)
    assert stage.settings == before

    assert stage.written_pools() == {"staging"}
    assert (stage.ready_pods("production"), stage.ready_nodes("prod")) == (3, 3)


def test_a_flux_that_is_slow_is_waited_for(stage: Stage, flux: Flux) -> None:
    old = stage.head
    with stopped(flux.controller):
        waiting = stage.run_until(EVENING, "sync", "spec.replicas in apps/staging/web.yaml is 2")
        assert old[:12] in waiting.why
        assert stage.tick(EVENING + timedelta(minutes=29)).code == "sync"
        late = stage.tick(EVENING + timedelta(minutes=31))
        assert isinstance(late, Stalled)
        assert "for 31 minutes now" in late.why
        assert nothing_happened_to_the_nodes(stage)

    assert isinstance(stage.settle(EVENING), Done)
    assert (len(stage.pods()), stage.ready_nodes()) == (0, 0)


def test_an_older_commit_that_is_applied_does_not_count(stage: Stage, flux: Flux, api: httpx.Client) -> None:
    """Somebody's commit comes first, and Flux says that it has applied it, truly: one that says on."""
    source = f"{PATHS['gitrepositories']}/gitops"
    with stopped(flux.controller):
        older = stage.repository.commit("main", {"NOTES.md": b"of somebody else\n"}, "A note")
        stage.run_until(EVENING, "sync")
        assert stage.flag_at(stage.head) == 0
        merge(api, source, {"spec": {"ref": {"commit": older}}}).raise_for_status()

    applies = f"main@sha1:{older}"
    wait_for("the older one", lambda: applied(api)["lastAppliedRevision"] == applies and is_ready(api))
    waiting = stage.run_until(EVENING, "sync", older[:12])
    assert "spec.replicas in apps/staging/web.yaml is 2" in waiting.why
    assert nothing_happened_to_the_nodes(stage)

    merge(api, source, {"spec": {"ref": {"commit": None}}}).raise_for_status()
    assert (type(stage.settle(EVENING)), stage.ready_nodes()) == (Done, 0)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (kustomization("web.yaml", "missing.yaml"), "missing.yaml"),
        (kustomization("web.yaml", "bad.yaml"), "99999"),
    ],
    ids=["does not build", "is refused by the cluster"],
)
def test_what_flux_cannot_apply_is_said_in_its_words(stage: Stage, broken: bytes, says: str) -> None:
    bad = b"apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999}]}\n"
    stage.repository.commit("main", {OBJECTS: broken, "apps/staging/bad.yaml": bad}, "Break it")

    waiting = stage.run_until(EVENING, "sync", says)
    assert "Kustomization/flux-system/staging" in waiting.why
    assert isinstance(stage.run_until(EVENING + timedelta(minutes=31), "sync", "for 31 minutes"), Stalled)
    assert nothing_happened_to_the_nodes(stage)

    stage.repository.commit("main", {OBJECTS: kustomization("web.yaml")}, "Mend it")
    assert (type(stage.settle(EVENING)), stage.ready_nodes()) == (Done, 0)
