"""A real PostgreSQL server for the whole session; each test finds it empty."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from adapters.postgres.client import Server
from adapters.postgres.creator import DatabaseWriterAdapter
from adapters.postgres.deleter import DatabaseDropperAdapter
from adapters.postgres.reader import DatabaseReaderAdapter
from devtools.emulators.postgres.server import Cluster, PostgresMissingError, postgres
from tests.integration.adapters.postgres.stage import Stage


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    try:
        with postgres() as running:
            yield running
    except PostgresMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def superuser(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(cluster.superuser, autocommit=True) as connection:
        yield connection


@pytest.fixture
def stage(cluster: Cluster, superuser: psycopg.Connection[Any]) -> Iterator[Stage]:
    server = Server(cluster.admin)
    stage = Stage(
        cluster=cluster,
        superuser=superuser,
        reader=DatabaseReaderAdapter(server),
        writer=DatabaseWriterAdapter(server),
        dropper=DatabaseDropperAdapter(server),
    )
    yield stage
    stage.clear()
