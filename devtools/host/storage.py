"""Queue storage for triggers and outputs: Azure, Azurite, or an emulator in memory when there is neither.

All three are reached through `azure-storage-queue`, so that there is one code path.
"""

import base64
import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Self

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueServiceClient

from devtools.emulators.queues.app import queue_service
from devtools.emulators.queues.connection import emulator_connection_string
from devtools.emulators.queues.store import Queues
from devtools.emulators.serving import serving
from devtools.host.settings import STORAGE, SettingsError


@contextlib.contextmanager
def with_storage(settings: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the settings with a usable `AzureWebJobsStorage`.

    Args:
        settings: the app settings.

    Yields:
        The same settings. If they have no connection string, that of queues in memory is added; these queues
        last as long as the context.

    Raises:
        SettingsError: the connection is identity-based.
    """
    if settings.get(STORAGE):
        yield dict(settings)
        return
    if any(name.startswith(f"{STORAGE}__") for name in settings):
        raise SettingsError(
            f"The local host signs in with a connection string, not with an identity: set {STORAGE} to one "
            f"(UseDevelopmentStorage=true is Azurite), or leave it and {STORAGE}__… out for queues in memory."
        )
    with serving(queue_service(Queues())) as url:
        yield {**settings, STORAGE: emulator_connection_string(url)}


class Storage:
    """The queues that functions are bound to; a context manager that closes its connections."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._services: dict[str, QueueServiceClient] = {}
        self._written: dict[tuple[str, str], threading.Event] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for service in self._services.values():
            service.close()

    def queue(self, *, connection: str, name: str) -> QueueClient:
        """Return a client of a queue, which need not exist.

        Args:
            connection: the setting that holds the connection string.
            name: the queue.

        Raises:
            SettingsError: that setting contains no connection string.
        """
        with self._lock:
            if connection not in self._services:
                self._services[connection] = self._connect(connection)
            return self._services[connection].get_queue_client(name)

    def written(self, *, connection: str, name: str) -> threading.Event:
        """Return the event that is set after each write of this process to a queue.

        The queue's listener waits for it, and so need not wait for its next poll.

        Args:
            connection: the setting that holds the connection string.
            name: the queue.
        """
        return self._written.setdefault((connection, name), threading.Event())

    def send(self, body: bytes, *, connection: str, name: str) -> None:
        """Send a message in base64, as Functions does; a missing queue is created.

        Args:
            body: the message.
            connection: the setting that holds the connection string.
            name: the queue.
        """
        self.send_text(base64.b64encode(body).decode("ascii"), connection=connection, name=name)

    def send_text(self, text: str, *, connection: str, name: str) -> None:
        """Send a message without encoding it; a missing queue is created.

        Args:
            text: the message.
            connection: the setting that holds the connection string.
            name: the queue.
        """
        queue = self.queue(connection=connection, name=name)
        try:
            queue.send_message(text)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):  # another process created it meanwhile
                queue.create_queue()
            queue.send_message(text)
        self.written(connection=connection, name=name).set()

    def _connect(self, connection: str) -> QueueServiceClient:
        try:
            # The SDK's own retries would make a stopped Azurite look like a hung function.
            return QueueServiceClient.from_connection_string(self._settings[connection], retry_total=0)
        except ValueError as error:
            raise SettingsError(f"{connection} is no storage connection string: {error}") from error
