"""Each test of queue storage runs twice: against the emulator and against Azurite."""

from collections.abc import Iterator

import pytest

from devtools.emulators.azurite import AzuriteMissingError, azurite
from devtools.emulators.queues.app import queue_service
from devtools.emulators.queues.connection import emulator_connection_string
from devtools.emulators.queues.store import Queues
from devtools.emulators.serving import serving


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
