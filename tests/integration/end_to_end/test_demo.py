"""The demo's story, in a world where pods are ready at once: it comes true, or it is noticed."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.demo.assertions import UnexpectedStateError
from devtools.demo.branch_scenario import run_branch_scenario
from devtools.demo.console import Console
from devtools.demo.gitops import gitops, with_schedule
from devtools.demo.narrator import Narrator
from devtools.demo.power_scenario import run_power_scenario
from devtools.demo.world import program, world
from tests.integration.end_to_end.stage import Stage


def test_the_story_comes_true(stage: Stage) -> None:
    narrator = Narrator(world=stage.world, program=stage.program, console=Console(out=io.StringIO()))
    run_branch_scenario(narrator)
    assert narrator.provisioned == [
        "feature-new-login",
        "feature-x-drop-database-39b2bd11f8",
        "feature-quiet",
    ]
    assert narrator.removed == narrator.provisioned


def test_the_story_comes_true_where_there_is_no_database_server(tmp_path: Path) -> None:
    at_once = ("--ready-seconds", "0", "--termination-seconds", "0")
    with world(tmp_path, kubernetes=at_once) as systems, program(systems) as served:
        narrator = Narrator(world=systems, program=served, console=Console(out=io.StringIO()))
        run_branch_scenario(narrator)
    assert len(narrator.removed) == 3


def test_a_story_that_does_not_come_true_is_not_told_to_the_end(tmp_path: Path) -> None:
    out = io.StringIO()
    with world(tmp_path) as systems, program(systems, FEATURE_OVERLAY="overlays/none") as served:
        narrator = Narrator(world=systems, program=served, console=Console(out=out), patience=3)
        with pytest.raises(
            UnexpectedStateError, match=r"feature/new-login is applied at \w+: not so after 3 s"
        ):
            run_branch_scenario(narrator)
    assert "✓" not in out.getvalue()


@pytest.fixture
def by_day(tmp_path: Path) -> Iterator[Narrator]:
    """A world of its own, with environments that a schedule names."""
    with world(tmp_path, kubernetes=("--ready-seconds", "0")) as made:
        systems = with_schedule(made)
        with program(systems) as served, gitops(systems):
            yield Narrator(world=systems, program=served, console=Console(out=io.StringIO()))


def test_dev_and_staging_sleep_and_are_woken(by_day: Narrator) -> None:
    run_power_scenario(by_day)
    assert by_day.asleep == ["dev", "staging"]
    assert by_day.woken == ["dev", "staging"]


def test_a_night_with_somebody_else_on_a_pool_is_not_told_to_the_end(by_day: Narrator) -> None:
    stranger = {
        "metadata": {"name": "stranger"},
        "spec": {
            "nodeSelector": {"kubernetes.azure.com/agentpool": "dev"},
            "containers": [{"name": "stranger", "image": "busybox"}],
        },
    }
    by_day.world.cluster.post("/api/v1/namespaces/default/pods", json=stranger).raise_for_status()
    with pytest.raises(
        UnexpectedStateError, match=r"dev goes on by itself: it is stuck, for .*default/stranger"
    ):
        run_power_scenario(by_day)
    assert by_day.asleep == []
    assert by_day.probes.nodes("dev")
