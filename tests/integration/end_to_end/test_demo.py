"""The demo's story, in a world where pods are ready at once: it comes true, or it is noticed."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.demo.assertions import NotAsToldError
from devtools.demo.branch_scenario import tell
from devtools.demo.console import Teller
from devtools.demo.gitops import gitops, with_schedule
from devtools.demo.narrator import Narrator
from devtools.demo.power_scenario import tell_night
from devtools.demo.world import program, world
from tests.integration.end_to_end.stage import Stage


def test_the_story_comes_true(stage: Stage) -> None:
    narrator = Narrator(world=stage.world, program=stage.program, say=Teller(out=io.StringIO()))
    tell(narrator)
    assert narrator.provisioned == [
        "feature-new-login",
        "feature-x-drop-database-39b2bd11f8",
        "feature-quiet",
    ]
    assert narrator.removed == narrator.provisioned


def test_the_story_comes_true_where_there_is_no_database_server(tmp_path: Path) -> None:
    at_once = ("--ready-seconds", "0", "--termination-seconds", "0")
    with world(tmp_path, kubernetes=at_once) as place, program(place) as served:
        narrator = Narrator(world=place, program=served, say=Teller(out=io.StringIO()))
        tell(narrator)
    assert len(narrator.removed) == 3


def test_a_story_that_does_not_come_true_is_not_told_to_the_end(tmp_path: Path) -> None:
    out = io.StringIO()
    with world(tmp_path) as place, program(place, FEATURE_OVERLAY="overlays/none") as served:
        narrator = Narrator(world=place, program=served, say=Teller(out=out), patience=3)
        with pytest.raises(NotAsToldError, match=r"feature/new-login is applied at \w+: not so after 3 s"):
            tell(narrator)
    assert "✓" not in out.getvalue()


@pytest.fixture
def by_day(tmp_path: Path) -> Iterator[Narrator]:
    """A world of its own, with environments that a schedule names."""
    with world(tmp_path, kubernetes=("--ready-seconds", "0")) as made:
        place = with_schedule(made)
        with program(place) as served, gitops(place):
            yield Narrator(world=place, program=served, say=Teller(out=io.StringIO()))


def test_dev_and_staging_sleep_and_are_woken(by_day: Narrator) -> None:
    tell_night(by_day)
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
    with pytest.raises(NotAsToldError, match=r"dev goes on by itself: it is stuck, for .*default/stranger"):
        tell_night(by_day)
    assert by_day.asleep == []
    assert by_day.eyes.nodes("dev")
