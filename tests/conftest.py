"""Property tests find the same examples on every run. `--hypothesis-profile=thorough` looks longer, and
`sample` looks at others for each `--hypothesis-seed`.

A run ends with what it could not test.
"""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.missing import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

settings.register_profile("default", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("thorough", deadline=None, derandomize=True, max_examples=10_000)
settings.register_profile("sample", deadline=None, database=None, max_examples=500)
settings.load_profile("default")


@pytest.fixture(scope="session")
def sample_seed(pytestconfig: pytest.Config) -> int:
    """What draws this run's samples: `--hypothesis-seed`, which `make sample` sets to the date; else 0."""
    return int(pytestconfig.getoption("--hypothesis-seed") or 0)


@pytest.fixture
def uncollected() -> Iterator[None]:
    """For a test that recurses as deep as Python lets it: garbage is collected afterwards.

    Else a collection may begin at the bottom, where a finalizer has no room to run; its RecursionError is
    raised in nobody's name, and held against the test that happens to run.
    """
    gc.disable()
    yield
    gc.enable()
