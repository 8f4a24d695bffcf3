"""Each test of queue storage runs twice: against the stand-in and against Azurite."""

from collections.abc import Iterator

import pytest

from local.azurite import AzuriteMissingError, azurite
from local.queues.app import queue_service
from local.queues.connection import emulator_connection_string
from local.queues.store import Queues
from local.serving import serving


@pytest.fixture(scope="session", params=["memory", "azurite"])
def storage_connection(request: pytest.FixtureRequest) -> Iterator[str]:
    """The connection string of an empty queue service."""
    if request.param == "memory":
        with serving(queue_service(Queues())) as url:
            yield emulator_connection_string(url)
        return
    try:
        with azurite() as connection_string:
            yield connection_string
    except AzuriteMissingError as error:
        pytest.skip(str(error))
