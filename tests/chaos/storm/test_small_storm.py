"""A small storm at each test run; `make proofs PARTS=storm` is the whole one."""

from pathlib import Path

import pytest

from devtools.emulators.azurite import AzuriteMissingError
from tests.chaos.storm.scenario import run_storm
from tests.chaos.storm.size import SMALL


def test_whatever_workers_are_killed_every_branch_that_lives_has_all_it_should_and_no_other_anything(
    tmp_path: Path,
) -> None:
    printed: list[str] = []
    try:
        result = run_storm(SMALL, tmp_path, printed.append)
    except AzuriteMissingError as error:
        pytest.skip(str(error))

    assert result.wrong == (), printed
    assert result.summary.kills == SMALL.kills
    assert result.summary.caught >= SMALL.doomed // 2
