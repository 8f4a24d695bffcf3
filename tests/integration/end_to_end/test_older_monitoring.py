"""Overlays of the older kind, through the whole program: each branch its part of a text that is another's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from devtools.demo.assertions import until
from tests.integration.end_to_end.stage import Stage

OVERLAY = Path(__file__).parents[2] / "unit" / "provisioning" / "admission" / "older_monitoring"
AT = "manifests/overlays/azure-feature"
CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"
JOBS, SETTINGS = "ama-metrics-prometheus-config", "ama-metrics-settings-configmap"
# Of the platform team, in the way that people write.
THEIRS = {
    JOBS: {
        "prometheus-config": "# do not touch\r\nglobal: {scrape_interval: 1m}\r\nscrape_configs:\r\n"
        "    - job_name: production  # of the shop\r\n\r\n      static_configs: []\r\n# the end"
    },
    SETTINGS: {
        "schema-version": "v1",
        "pod-annotation-based-scraping": '  podannotationnamespaceregex = "project|(?i)staging"  \n',
    },
}
BLOCK = re.compile(
    r'^ *# coppice: begin \{[^\n]*"(?P<branch>feature/[^"]+)"[^\n]*\n(?s:.*?)# coppice: end [^\n]*\n',
    re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The two ConfigMaps as they stand on the cluster."""

    stage: Stage

    def data(self, name: str) -> dict[str, str]:
        answer = self.stage.world.cluster.get(f"{CONFIG_MAPS}/{name}").raise_for_status()
        found: dict[str, str] = answer.json()["data"]
        return found

    @property
    def text(self) -> str:
        return self.data(JOBS)["prometheus-config"]

    @property
    def parts(self) -> dict[str, str]:
        """Branch → what stands between its marks, with them."""
        return {found["branch"]: found[0] for found in BLOCK.finditer(self.text)}

    @property
    def foreign(self) -> str:
        return BLOCK.sub("", self.text)

    @property
    def jobs(self) -> set[str]:
        return {each["job_name"] for each in yaml.safe_load(self.text)["scrape_configs"]}

    @property
    def pattern(self) -> str:
        return self.data(SETTINGS)["pod-annotation-based-scraping"].splitlines()[-1]


@pytest.fixture
def shared(stage: Stage) -> Iterator[Shared]:
    cluster = stage.world.cluster
    for name, data in THEIRS.items():
        cluster.post(CONFIG_MAPS, json={"metadata": {"name": name}, "data": data}).raise_for_status()
    yield Shared(stage=stage)
    for name in THEIRS:
        cluster.delete(f"{CONFIG_MAPS}/{name}").raise_for_status()


def push(stage: Stage, branch: str) -> None:
    """A branch whose monitoring is of the older kind is pushed, and stands."""
    stage.world.clone.branch(branch)
    files: dict[str, str | None] = {f"{AT}/{file.name}": file.read_text() for file in OVERLAY.iterdir()}
    stage.world.clone.commit(files, "Monitoring of the older kind")
    stage.actors.push(branch)
    stage.stands(branch)
    # No application waits for monitoring, so that its part may come a moment later.
    shared, slug = Shared(stage=stage), branch.removeprefix("feature/")
    until("its parts stand", lambda: branch in shared.parts and slug in shared.pattern, seconds=20)


def test_branches_merge_their_parts_and_the_first_that_goes_takes_its_own_and_nothing_else(
    stage: Stage, shared: Shared
) -> None:
    first, second = stage.branch, f"{stage.branch}-too"
    slugs = {branch: branch.removeprefix("feature/") for branch in (first, second)}
    own = {branch: {f"{slug}-kubernetes-pods", f"{slug}-nats"} for branch, slug in slugs.items()}

    push(stage, first)
    assert shared.jobs == {"production", *own[first]}
    assert shared.foreign == THEIRS[JOBS]["prometheus-config"]
    assert shared.pattern == f'  podannotationnamespaceregex = "feature-{slugs[first]}|project|(?i)staging"  '

    push(stage, second)
    assert shared.jobs == {"production", *own[first], *own[second]}
    assert shared.foreign == THEIRS[JOBS]["prometheus-config"]
    both = shared.parts
    assert set(both) == {first, second}
    shown = stage.api.get(f"/api/environments/{second}").raise_for_status().json()["parts"]["monitoring"]
    assert (shown["state"], shown["missing"]) == ("standing", [])
    assert f"its part in ConfigMap/kube-system/{JOBS}" in shown["stands"]

    stage.actors.delete(first)
    stage.is_gone(first, f"feature-{slugs[first]}")
    assert shared.parts == {second: both[second]}
    assert shared.foreign == THEIRS[JOBS]["prometheus-config"]
    assert (
        shared.pattern == f'  podannotationnamespaceregex = "feature-{slugs[second]}|project|(?i)staging"  '
    )

    stage.actors.delete(second)
    stage.is_gone(second, f"feature-{slugs[second]}")
    assert {name: shared.data(name) for name in THEIRS} == THEIRS


def test_a_text_that_is_applied_again_is_told_of_and_mended_by_the_next_sweep(
    stage: Stage, shared: Shared
) -> None:
    push(stage, stage.branch)
    until("its environment is finished", stage.converged, seconds=20)
    whole = shared.text
    missing = [f"its part in ConfigMap/kube-system/{JOBS}"]

    def shown_after_it_is_applied() -> tuple[str, list[str]]:
        found = stage.world.cluster.get(f"{CONFIG_MAPS}/{JOBS}").json()
        theirs = {**found, "data": THEIRS[JOBS]}
        stage.world.cluster.put(f"{CONFIG_MAPS}/{JOBS}", json=theirs).raise_for_status()
        environment = stage.api.get(f"/api/environments/{stage.branch}").raise_for_status().json()
        monitoring = environment["parts"]["monitoring"]
        return monitoring["state"], monitoring["missing"]

    # The run of a push's second delivery may still be under way, and repairs it before anyone looks.
    until("the lost part is shown", lambda: shown_after_it_is_applied() == ("incomplete", missing))

    stage.api.post("/api/sweep").raise_for_status()
    until("its part is back", lambda: shared.text == whole, seconds=20)
