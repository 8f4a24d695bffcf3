"""Executes one change at a time, so that the order of the calls is the same on every run."""

from collections.abc import Iterator

import pytest

import coppice.reconciler.concurrency


@pytest.fixture(autouse=True, scope="module")
def one_change_at_a_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coppice.reconciler.concurrency, "_SIDE_BY_SIDE", 1)
        yield
