"""The emulator answers `azure-storage-queue` as Azurite does."""

import uuid
from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueServiceClient


@pytest.fixture
def queue(storage_connection: str) -> Iterator[QueueClient]:
    with QueueClient.from_connection_string(storage_connection, f"q-{uuid.uuid4()}", retry_total=0) as client:
        client.create_queue()
        yield client


def test_a_message_is_received_once_with_its_text_and_count(queue: QueueClient) -> None:
    sent = queue.send_message("naïve & <b>bold</b>\n  “x”")
    [received] = queue.receive_messages(max_messages=10, messages_per_page=10)
    assert received.content == "naïve & <b>bold</b>\n  “x”"
    assert received.id == sent.id
    assert received.dequeue_count == 1
    assert received.inserted_on is not None
    assert received.expires_on is not None
    assert received.next_visible_on is not None
    assert received.next_visible_on > received.inserted_on
    assert list(queue.receive_messages()) == []


def test_messages_come_in_the_order_in_which_they_were_put(queue: QueueClient) -> None:
    for text in ("a", "b", "c", "d"):
        queue.send_message(text)
    assert [message.content for message in queue.receive_messages(messages_per_page=3, max_messages=3)] == [
        "a",
        "b",
        "c",
    ]


def test_a_delayed_message_is_counted_but_not_seen(queue: QueueClient) -> None:
    queue.send_message("later", visibility_timeout=3600)
    assert queue.peek_messages() == []
    assert list(queue.receive_messages()) == []
    assert queue.get_queue_properties().approximate_message_count == 1


def test_peeking_takes_nothing(queue: QueueClient) -> None:
    queue.send_message("seen")
    assert [message.content for message in queue.peek_messages(max_messages=5)] == ["seen"]
    [message] = queue.receive_messages()
    assert message.dequeue_count == 1


def test_a_deleted_message_is_gone(queue: QueueClient) -> None:
    queue.send_message("done")
    [message] = queue.receive_messages()
    queue.delete_message(message)
    assert queue.get_queue_properties().approximate_message_count == 0
    with pytest.raises(ResourceNotFoundError) as refused:
        queue.delete_message(message)
    assert refused.value.error_code == "MessageNotFound"  # type: ignore[attr-defined]  # storage errors add it


def test_a_message_shown_again_keeps_its_text_and_counts_on(queue: QueueClient) -> None:
    queue.send_message("again")
    [message] = queue.receive_messages()
    assert message.pop_receipt is not None
    queue.update_message(message.id, pop_receipt=message.pop_receipt, visibility_timeout=0)
    [again] = queue.receive_messages()
    assert (again.content, again.dequeue_count) == ("again", 2)


def test_a_message_can_be_given_another_text_and_hidden_longer(queue: QueueClient) -> None:
    queue.send_message("before")
    [message] = queue.receive_messages()
    updated = queue.update_message(message, content="after", visibility_timeout=3600)
    assert updated.pop_receipt != message.pop_receipt
    assert list(queue.receive_messages()) == []
    shown = queue.update_message(updated, content="after", visibility_timeout=0)
    assert shown.pop_receipt != updated.pop_receipt
    assert [peeked.content for peeked in queue.peek_messages()] == ["after"]


def test_an_older_receipt_is_refused(queue: QueueClient) -> None:
    queue.send_message("held")
    [message] = queue.receive_messages()
    queue.update_message(message, visibility_timeout=3600)
    with pytest.raises(HttpResponseError) as refused:
        queue.delete_message(message.id, message.pop_receipt)
    assert (refused.value.status_code, refused.value.error_code) == (  # type: ignore[attr-defined]  # added
        400,
        "PopReceiptMismatch",
    )


def test_clearing_leaves_an_empty_queue(queue: QueueClient) -> None:
    queue.send_message("one")
    queue.send_message("two", visibility_timeout=60)
    queue.clear_messages()
    assert queue.get_queue_properties().approximate_message_count == 0


def test_creating_a_queue_that_stands_leaves_its_messages(queue: QueueClient) -> None:
    queue.send_message("still here")
    with pytest.raises(ResourceExistsError):
        queue.create_queue()
    assert [peeked.content for peeked in queue.peek_messages()] == ["still here"]


def test_a_deleted_queue_is_not_found(queue: QueueClient) -> None:
    queue.delete_queue()
    for use in (queue.get_queue_properties, queue.peek_messages, lambda: queue.send_message("lost")):
        with pytest.raises(ResourceNotFoundError) as refused:
            use()
        assert refused.value.error_code == "QueueNotFound"  # type: ignore[attr-defined]  # added


def test_the_service_lists_its_queues(queue: QueueClient, storage_connection: str) -> None:
    with QueueServiceClient.from_connection_string(storage_connection) as service:
        assert queue.queue_name in {listed.name for listed in service.list_queues()}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"visibility_timeout": 8 * 24 * 3600}, "OutOfRangeQueryParameterValue"),
        ({"visibility_timeout": 10, "time_to_live": 10}, "InvalidQueryParameterValue"),
    ],
)
def test_what_the_service_does_not_accept_is_refused_with_its_code(
    queue: QueueClient, options: dict[str, int], code: str
) -> None:
    with pytest.raises(HttpResponseError) as refused:
        queue.send_message("x", **options)
    assert refused.value.error_code == code  # type: ignore[attr-defined]  # added


def test_a_message_of_64_kib_is_taken_and_a_longer_one_is_not(queue: QueueClient) -> None:
    queue.send_message("x" * 65536)
    with pytest.raises(HttpResponseError) as refused:
        queue.send_message("x" * 65537)
    assert refused.value.status_code == 413


@pytest.mark.parametrize("name", ["Upper", "a--b", "-a-", "ab"])
def test_a_name_that_no_queue_can_have_is_refused(storage_connection: str, name: str) -> None:
    with (
        QueueClient.from_connection_string(storage_connection, name) as client,
        pytest.raises(HttpResponseError) as refused,
    ):
        client.create_queue()
    assert refused.value.status_code == 400
