"""The demo's story, in a world where pods are ready at once: it comes true, or it is noticed."""

import io
from pathlib import Path

import pytest

from local.demo.eyes import NotAsToldError
from local.demo.narrator import Narrator
from local.demo.say import Teller
from local.demo.story import tell
from local.demo.world import program, world
from tests.end_to_end.stage import Stage


def test_the_story_comes_true(stage: Stage) -> None:
    narrator = Narrator(world=stage.world, program=stage.program, say=Teller(out=io.StringIO()))
    tell(narrator)
    assert narrator.provisioned == [
        "feature-new-login",
        "feature-x-drop-database-39b2bd11f8",
        "feature-quiet",
    ]
    assert narrator.removed == narrator.provisioned


def test_a_story_that_does_not_come_true_is_not_told_to_the_end(tmp_path: Path) -> None:
    out = io.StringIO()
    with world(tmp_path) as place, program(place, FEATURE_OVERLAY="overlays/none") as served:
        narrator = Narrator(world=place, program=served, say=Teller(out=out), patience=3)
        with pytest.raises(NotAsToldError, match=r"feature/new-login is applied at \w+: not so after 3 s"):
            tell(narrator)
    assert "✓" not in out.getvalue()
