"""Queues for the tests of triggers and outputs, in the emulator and in Azurite."""

import uuid
from collections.abc import Iterator

import pytest
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64EncodePolicy


@pytest.fixture
def service(storage_connection: str) -> Iterator[QueueServiceClient]:
    with QueueServiceClient.from_connection_string(storage_connection, retry_total=0) as client:
        yield client


@pytest.fixture
def work(storage_connection: str) -> Iterator[QueueClient]:
    """A queue of this test's own, which does not exist yet."""
    name = f"work-{uuid.uuid4()}"
    with QueueClient.from_connection_string(
        storage_connection, name, retry_total=0, message_encode_policy=TextBase64EncodePolicy()
    ) as client:
        yield client
