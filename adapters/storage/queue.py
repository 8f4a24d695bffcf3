"""Putting keys on a queue, now or after a delay. The output binding of Functions cannot delay a message, so
the SDK does it.

It reads the app's own `AzureWebJobsStorage`, as the host does: a connection string, or an identity
(https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity).
"""

import base64
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from loop.errors import Forbidden, NotSetUp, Unreachable

_CONNECTION = "AzureWebJobsStorage"


class Queue:
    """A queue of keys.

    Args:
        name: the queue.
        settings: the app settings that say where the storage is.
    """

    def __init__(self, name: str, settings: Mapping[str, str]) -> None:
        self._client = _client(name, settings)

    def put(self, message: str, *, delay: float = 0) -> None:
        """Put a message on the queue.

        Args:
            message: the text; it travels in base64, as the queue trigger expects.
            delay: seconds before anyone sees it.

        Raises:
            Failure: it is not on the queue.
        """
        body = base64.b64encode(message.encode()).decode()
        with _translated(self._client.queue_name):
            try:
                self._client.send_message(body, visibility_timeout=int(delay))
            except ResourceNotFoundError:
                with contextlib.suppress(ResourceExistsError):
                    self._client.create_queue()
                self._client.send_message(body, visibility_timeout=int(delay))

    def length(self) -> int:
        """About how many messages wait; 0 if there is no queue yet."""
        with _translated(self._client.queue_name):
            try:
                return self._client.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0


@contextlib.contextmanager
def _translated(queue: str) -> Iterator[None]:
    try:
        yield
    except HttpResponseError as error:
        if error.status_code in {401, 403}:
            raise Forbidden(
                f"queue {queue} refused: {error.message}. "
                "The app's identity needs the role Storage Queue Data Contributor"
            ) from error
        raise Unreachable(f"queue {queue}: {error.message}") from error
    except AzureError as error:
        raise Unreachable(f"queue {queue} did not answer: {error}") from error


def _client(name: str, settings: Mapping[str, str]) -> QueueClient:
    options: dict[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 15}
    connection = settings.get(_CONNECTION, "")
    if connection:
        return QueueClient.from_connection_string(_expanded(connection), name, **options)
    account = settings.get(f"{_CONNECTION}__accountName", "")
    service = settings.get(f"{_CONNECTION}__queueServiceUri", "") or (
        f"https://{account}.queue.core.windows.net" if account else ""
    )
    if not service:
        raise NotSetUp(f"{_CONNECTION} is not set: it says where the queues are")
    from azure.identity import DefaultAzureCredential

    client_id = settings.get(f"{_CONNECTION}__clientId") or None
    credential = DefaultAzureCredential(managed_identity_client_id=client_id)
    return QueueClient(service, name, credential=credential, **options)


def _expanded(connection: str) -> str:
    """The shorthand for the emulator, which the host knows and the SDK does not."""
    if connection.strip().rstrip(";").lower() != "usedevelopmentstorage=true":
        return connection
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    return (
        f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};"
        "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    )
