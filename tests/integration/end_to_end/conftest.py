"""The whole program in a host of its own, between emulators of their own: nothing here is in this process."""

import contextlib
import uuid
from collections.abc import Iterator

import pytest

from devtools.demo.databases import Databases, databases
from devtools.demo.world import Program, World, program, world
from devtools.emulators.postgres.server import PostgresMissingError
from tests.integration.end_to_end.stage import Stage

_AT_ONCE = ("--ready-seconds", "0", "--termination-seconds", "0")


@pytest.fixture(scope="session")
def server() -> Iterator[Databases | None]:
    """A database server, where PostgreSQL is installed."""
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(databases())
        except PostgresMissingError:
            yield None


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, server: Databases | None) -> Iterator[World]:
    """A world in which pods are ready, and namespaces gone, at once."""
    folder = tmp_path_factory.mktemp("world")
    with world(folder, kubernetes=_AT_ONCE, databases=server) as made:
        yield made


@pytest.fixture(scope="session")
def running(place: World) -> Iterator[Program]:
    """The program, with its queues in memory; no Entra is there to be late."""
    with program(place, CREDENTIAL_SETTLE_SECONDS="0") as served:
        yield served


@pytest.fixture
def stage(place: World, running: Program) -> Iterator[Stage]:
    """An empty stage, and the same afterwards."""
    made = Stage(world=place, program=running, branch=f"feature/{uuid.uuid4().hex[:6]}")
    yield made
    made.clear()
