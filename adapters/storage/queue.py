"""Puts keys on a queue, at once or after a delay. The output binding of Functions cannot delay a message.

The storage is that of the app's own `AzureWebJobsStorage`, a connection string or an identity
(https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity).
"""

import base64
import contextlib
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from adapters.azure.errors import failure, translating
from coppice.reconciler.errors import Failure, NotSetUp

_CONNECTION = "AzureWebJobsStorage"
_NETWORK = "that the account's network rules let the app in"
_BY_CONNECTION = f"Check the key or signature in {_CONNECTION}, and {_NETWORK}"
_BY_IDENTITY = (
    f"Check that the identity which {_CONNECTION}__clientId names, or else the app's own, has the role "
    f"Storage Queue Data Contributor, and {_NETWORK}"
)
_TIMEOUTS = {"connection_timeout": 5, "read_timeout": 15}  # seconds
_SHOWN = 300  # characters of an answer; a page of a proxy is long
_LONGEST_DELAY = 7 * 24 * 3600 - 1  # seconds; a message expires after a week


class Queue:
    """A queue of keys.

    Args:
        name: the queue.
        settings: the app settings, which name the storage.
    """

    def __init__(self, name: str, settings: Mapping[str, str]) -> None:
        self._client = _client(name, settings)
        self._advice = _BY_CONNECTION if settings.get(_CONNECTION) else _BY_IDENTITY

    def _translating(self) -> AbstractContextManager[None]:
        return translating(f"queue {self._client.queue_name}", refusal=self._refusal)

    def _refusal(self, error: HttpResponseError) -> Failure:
        message = f"queue {self._client.queue_name} refused: {error.message[:_SHOWN]}"
        return failure(message, error, forbidden=self._advice)

    def put(self, message: str, *, delay: float = 0) -> None:
        """Put a message on the queue.

        Args:
            message: the text; it is sent in base64, as the queue trigger expects.
            delay: seconds until it becomes visible; a week at the most.

        Raises:
            Failure: the message was not put on the queue.
        """
        body = base64.b64encode(message.encode()).decode()
        later = min(max(0, math.ceil(delay)), _LONGEST_DELAY)
        with self._translating():
            try:
                self._client.send_message(body, visibility_timeout=later)
            except ResourceNotFoundError:
                with contextlib.suppress(ResourceExistsError):
                    self._client.create_queue()
                self._client.send_message(body, visibility_timeout=later)

    def length(self) -> int:
        """Read about how many messages are on the queue.

        Returns:
            Their number; 0 if there is no queue yet.

        Raises:
            Failure: the queue refused, or did not answer.
        """
        with self._translating():
            try:
                return self._client.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0


def _client(name: str, settings: Mapping[str, str]) -> QueueClient:
    options: dict[str, Any] = {"retry_total": 0, **_TIMEOUTS}
    connection = settings.get(_CONNECTION, "")
    if connection:
        try:
            return QueueClient.from_connection_string(_expanded(connection), name, **options)
        except ValueError as error:
            raise NotSetUp(f"{_CONNECTION} is no connection string: {error}") from error
    account = settings.get(f"{_CONNECTION}__accountName", "")
    service = settings.get(f"{_CONNECTION}__queueServiceUri", "") or (
        f"https://{account}.queue.core.windows.net" if account else ""
    )
    if not service:
        raise NotSetUp(
            f"none of {_CONNECTION}, {_CONNECTION}__accountName and {_CONNECTION}__queueServiceUri is set: "
            "one of them says where the queues are"
        )
    from azure.identity import DefaultAzureCredential

    client_id = settings.get(f"{_CONNECTION}__clientId") or None
    credential = DefaultAzureCredential(managed_identity_client_id=client_id)
    return QueueClient(service, name, credential=credential, **options)


def _expanded(connection: str) -> str:
    """Expand the shorthand for the storage emulator, which the SDK does not know."""
    if connection.strip().rstrip(";").lower() != "usedevelopmentstorage=true":
        return connection
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    return (
        f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};"
        "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    )
