"""A small storm at each test run; `make proofs PARTS=storm` is the whole one."""

from pathlib import Path

import pytest

from devtools.emulators.azurite import AzuriteMissingError
from tests.chaos.storm.scenario import weather
from tests.chaos.storm.size import SMALL


def test_whatever_workers_are_killed_every_branch_that_lives_has_all_it_should_and_no_other_anything(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    try:
        came = weather(SMALL, tmp_path, told.append)
    except AzuriteMissingError as error:
        pytest.skip(str(error))

    assert came.wrong == (), told
    assert came.summary.kills == SMALL.kills
    assert came.summary.caught >= SMALL.doomed // 2
