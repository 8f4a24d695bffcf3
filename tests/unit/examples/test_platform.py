"""The example of long-lived environments: what its flags do to what kustomize builds, and what names them."""

import re
import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from scheduler.documents import get, put
from scheduler.loading import load
from scheduler.schedule import Flag
from tests.unit.examples.built import ROOT, build, names, of, template, workloads

PLATFORM = ROOT / "examples" / "platform"
POOL = "kubernetes.azure.com/agentpool"


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    return shutil.copytree(PLATFORM, tmp_path / "platform")


def flags(environment: str) -> list[Flag]:
    return list(load((PLATFORM / "schedule.yaml").read_text()).named[environment].state)


def switch_off(platform: Path, environment: str) -> None:
    """Write what the scheduler would commit."""
    for flag in flags(environment):
        file = platform / flag.file
        file.write_text(put(file.read_text(), flag.path, flag.off))


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_the_schedule_finds_every_flag_and_each_says_on(environment: str) -> None:
    assert flags(environment)
    for flag in flags(environment):
        assert flag.says(get((PLATFORM / flag.file).read_text(), flag.path)) == "on"


def test_nothing_of_production_is_named_in_the_schedule() -> None:
    schedule = load((PLATFORM / "schedule.yaml").read_text())

    assert set(schedule.named) == {"dev", "staging"}
    assert "prod" in schedule.protected_pools
    assert not any("production" in flag.file for name in ("dev", "staging") for flag in flags(name))


def test_an_environment_that_is_on_runs_what_its_workloads_ask_for(platform: Path) -> None:
    objects = build(platform / "sources/environments/dev")

    assert {one["metadata"]["name"]: one["spec"]["replicas"] for one in of(objects, "Deployment")} == {
        "www-platform": 2
    }
    assert [one["spec"]["replicas"] for one in of(objects, "StatefulSet")] == [1]
    assert [one["spec"]["suspend"] for one in of(objects, "CronJob")] == [False]


def test_one_commit_of_its_flags_leaves_nothing_of_dev_running(platform: Path) -> None:
    switch_off(platform, "dev")

    objects = build(platform / "sources/environments/dev")

    assert [one["spec"]["replicas"] for one in of(objects, "Deployment", "StatefulSet")] == [0, 0]
    assert [one["spec"]["suspend"] for one in of(objects, "CronJob")] == [True]
    (database,) = of(objects, "Cluster")
    assert database["metadata"]["annotations"]["cnpg.io/hibernation"] == "on"
    kept = build(PLATFORM / "sources/environments/dev")
    assert names(objects) == names(kept)


@pytest.mark.parametrize("environment", ["dev", "production"])
def test_what_is_built_fits_the_schemas_of_kubernetes(environment: str) -> None:
    for item in build(PLATFORM / "sources" / "environments" / environment):
        if item["kind"] != "Cluster":  # CloudNativePG's own
            kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


def test_the_flag_of_dev_does_nothing_to_production(platform: Path) -> None:
    before = build(platform / "sources/environments/production")

    switch_off(platform, "dev")

    assert build(platform / "sources/environments/production") == before


@pytest.mark.parametrize(
    ("environment", "namespace", "pool"),
    [("dev", "ameide-dev", "dev"), ("production", "ameide-prod", "prod")],
)
def test_all_pods_of_an_environment_are_for_its_own_pool(environment: str, namespace: str, pool: str) -> None:
    objects = build(PLATFORM / "sources" / "environments" / environment)

    assert {template(one)["spec"]["nodeSelector"][POOL] for one in workloads(objects)} == {pool}
    assert {one["metadata"]["namespace"] for one in objects if one["kind"] != "Namespace"} == {namespace}
    assert names(of(objects, "Namespace")) == {namespace}
    assert of(objects, "Globals") == []


def test_staging_is_a_release_of_no_replicas_when_it_is_off(platform: Path) -> None:
    switch_off(platform, "staging")

    objects = build(platform / "flux-cd/apps")

    (release,) = of(objects, "HelmRelease")
    assert release["metadata"]["namespace"] == "staging"
    assert release["spec"]["values"]["replicaCount"] == 0
    assert release["spec"]["values"]["nodeSelector"] == {POOL: "staging"}
    assert names(of(objects, "Namespace")) == {"staging"}


def test_what_flux_is_told_to_read_is_what_the_schedule_waits_for() -> None:
    objects = build(PLATFORM / "flux-cd/clusters/aks")

    (apps,), (source,) = of(objects, "Kustomization"), of(objects, "GitRepository")
    assert (PLATFORM / apps["spec"]["path"] / "kustomization.yaml").is_file()
    assert apps["spec"]["sourceRef"]["name"] == source["metadata"]["name"]
    (sync,) = load((PLATFORM / "schedule.yaml").read_text()).named["staging"].sync
    assert sync.flux == f"Kustomization/{apps['metadata']['namespace']}/{apps['metadata']['name']}"


def test_the_chart_names_only_values_that_it_has() -> None:
    chart = PLATFORM / "flux-cd/charts/super-todo"
    text = (chart / "templates/deployment.yaml").read_text()
    values: Any = yaml.safe_load((chart / "values.yaml").read_text())

    for path in re.findall(r"\.Values\.([\w.]+)", text):
        found = values
        for key in path.split("."):
            found = found[key]


def test_the_workflow_asks_for_the_environments_that_the_schedule_has() -> None:
    text = (PLATFORM / ".github/workflows/power.yml").read_text()
    workflow: Any = yaml.load(text, Loader=yaml.BaseLoader)  # `on` is a key here, and no truth

    inputs = workflow["on"]["workflow_dispatch"]["inputs"]
    schedule = load((PLATFORM / "schedule.yaml").read_text())
    assert inputs["environment"]["options"] == list(schedule.named)
    assert inputs["state"]["options"] == ["on", "off", "schedule"]
    (step,) = workflow["jobs"]["power"]["steps"]
    assert "${{" not in step["run"], "an input in the script would be run by the shell"
