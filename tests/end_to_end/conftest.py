"""The whole program in a host of its own, between stand-ins of their own: nothing here is in this process."""

import uuid
from collections.abc import Iterator

import pytest

from local.demo.world import Program, World, program, world
from tests.end_to_end.stage import Stage

_AT_ONCE = ("--ready-seconds", "0", "--termination-seconds", "0")


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which pods are ready, and namespaces gone, at once."""
    with world(tmp_path_factory.mktemp("world"), kubernetes=_AT_ONCE) as made:
        yield made


@pytest.fixture(scope="session")
def running(place: World) -> Iterator[Program]:
    """The program, with its queues in memory."""
    with program(place) as served:
        yield served


@pytest.fixture
def stage(place: World, running: Program) -> Iterator[Stage]:
    """An empty stage, and the same afterwards."""
    made = Stage(world=place, program=running, branch=f"feature/{uuid.uuid4().hex[:6]}")
    yield made
    made.clear()
