"""Queue triggers, each against the emulator and against Azurite."""

import base64
import queue
import threading
import time
from collections.abc import Callable
from functools import partial

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueServiceClient

from devtools.host.app import Host
from devtools.host.queues import QueueListener

STORAGE = "AzureWebJobsStorage"
WAIT = 15  # seconds until a test gives up


def _name(work: QueueClient) -> str:
    return str(work.queue_name)


def _host(app: func.FunctionApp, storage_connection: str, **queues: object) -> Host:
    host_json = {"extensions": {"queues": {"maxPollingInterval": "00:00:00.100", **queues}}}
    return Host(
        app,
        settings={STORAGE: storage_connection, "PYTHON_THREADPOOL_THREAD_COUNT": "4"},
        host_json=host_json,
    )


def _consumer(name: str, consume: Callable[[func.QueueMessage], None]) -> func.FunctionApp:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name=name, connection=STORAGE)
    def consumer(message: func.QueueMessage) -> None:
        consume(message)

    return app


def _count(client: QueueClient) -> int | None:
    try:
        return client.get_queue_properties().approximate_message_count
    except ResourceNotFoundError:
        return None


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def test_a_message_is_handed_over_decoded_and_then_gone(storage_connection: str, work: QueueClient) -> None:
    work.create_queue()
    work.send_message('{"branch": "ü"}')
    seen: queue.Queue[func.QueueMessage] = queue.Queue()
    with _host(_consumer(_name(work), seen.put), storage_connection):
        message = seen.get(timeout=WAIT)
        _until(lambda: _count(work) == 0)
    assert message.get_json() == {"branch": "ü"}
    assert message.dequeue_count == 1
    assert message.id
    assert message.insertion_time is not None


def test_a_queue_that_is_made_later_is_read_from_then_on(storage_connection: str, work: QueueClient) -> None:
    seen: queue.Queue[func.QueueMessage] = queue.Queue()
    with _host(_consumer(_name(work), seen.put), storage_connection):
        work.create_queue()
        work.send_message("x")
        assert seen.get(timeout=WAIT).get_body() == b"x"


def test_a_message_that_fails_five_times_goes_to_poison_as_it_was(
    storage_connection: str, work: QueueClient, service: QueueServiceClient
) -> None:
    attempts: list[int | None] = []

    def fail(message: func.QueueMessage) -> None:
        attempts.append(message.dequeue_count)
        raise RuntimeError("no")

    work.create_queue()
    work.send_message("bad")
    poison = service.get_queue_client(f"{_name(work)}-poison")
    with _host(_consumer(_name(work), fail), storage_connection):
        _until(lambda: _count(poison) == 1 and _count(work) == 0)
    assert attempts == [1, 2, 3, 4, 5]
    assert [message.content for message in poison.peek_messages()] == [base64.b64encode(b"bad").decode()]


def test_a_failed_message_is_tried_again_after_the_visibility_timeout(
    storage_connection: str, work: QueueClient
) -> None:
    times: queue.Queue[float] = queue.Queue()

    def fail_once(message: func.QueueMessage) -> None:
        times.put(time.monotonic())
        if message.dequeue_count == 1:
            raise RuntimeError("not yet")

    work.create_queue()
    work.send_message("x")
    with _host(_consumer(_name(work), fail_once), storage_connection, visibilityTimeout="00:00:01"):
        first = times.get(timeout=WAIT)
        assert times.get(timeout=WAIT) - first >= 0.95
        _until(lambda: _count(work) == 0)


def test_a_message_that_is_not_base64_goes_to_poison_without_being_tried(
    storage_connection: str, work: QueueClient, service: QueueServiceClient
) -> None:
    seen: queue.Queue[func.QueueMessage] = queue.Queue()
    poison = service.get_queue_client(f"{_name(work)}-poison")
    work.create_queue()
    service.get_queue_client(_name(work)).send_message("{not base64}")
    with _host(_consumer(_name(work), seen.put), storage_connection):
        _until(lambda: _count(poison) == 1 and _count(work) == 0)
    assert [message.content for message in poison.peek_messages()] == ["{not base64}"]
    assert seen.empty()


def test_what_fails_in_a_poison_queue_stays_there_hidden(
    storage_connection: str, service: QueueServiceClient, work: QueueClient
) -> None:
    attempts: queue.Queue[int | None] = queue.Queue()

    def fail(message: func.QueueMessage) -> None:
        attempts.put(message.dequeue_count)
        raise RuntimeError("no")

    poison = service.get_queue_client(f"{_name(work)}-poison")
    poison.create_queue()
    poison.send_message(base64.b64encode(b"x").decode())
    with _host(_consumer(f"{_name(work)}-poison", fail), storage_connection):
        assert attempts.get(timeout=WAIT) == 1
    assert _count(poison) == 1
    assert poison.peek_messages() == []
    assert _count(service.get_queue_client(f"{_name(work)}-poison-poison")) is None


def test_no_more_messages_are_worked_on_at_once_than_host_json_allows(
    storage_connection: str, work: QueueClient
) -> None:
    both, never = threading.Barrier(2, timeout=WAIT), threading.Event()
    running, most = [0], [0]
    lock = threading.Lock()

    def count(message: func.QueueMessage) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        both.wait()
        never.wait(0.3)  # long enough for the listener to take more, if it would
        with lock:
            running[0] -= 1

    work.create_queue()
    for number in range(4):
        work.send_message(str(number))
    with _host(_consumer(_name(work), count), storage_connection, batchSize=2, newBatchThreshold=0):
        _until(lambda: _count(work) == 0)
    assert most == [2]


def test_a_function_that_takes_longer_than_the_lock_keeps_its_message(
    storage_connection: str, work: QueueClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devtools.host.app.QueueListener", partial(QueueListener, lock=1))
    attempts: list[int | None] = []

    def slow(message: func.QueueMessage) -> None:
        attempts.append(message.dequeue_count)
        deadline = time.monotonic() + 1.6
        while time.monotonic() < deadline:
            assert work.peek_messages() == [], "another worker could take it"
            time.sleep(0.05)

    work.create_queue()
    work.send_message("x")
    with _host(_consumer(_name(work), slow), storage_connection):
        _until(lambda: _count(work) == 0)
    assert attempts == [1]


def test_a_message_that_the_program_delays_comes_no_sooner(
    storage_connection: str, work: QueueClient
) -> None:
    times: queue.Queue[float] = queue.Queue()
    work.create_queue()
    with _host(_consumer(_name(work), lambda _: times.put(time.monotonic())), storage_connection):
        sent = time.monotonic()
        work.send_message("later", visibility_timeout=1)
        assert times.get(timeout=WAIT) - sent >= 0.95


def test_stopping_lets_a_running_function_end_and_gives_back_what_has_not_begun(
    storage_connection: str, work: QueueClient
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def last_until_the_host_stops(message: func.QueueMessage) -> None:
        begun.set()
        assert host._stopping.wait(timeout=WAIT)
        ended.set()

    work.create_queue()
    work.send_message("running")
    work.send_message("waiting")
    settings = {STORAGE: storage_connection, "PYTHON_THREADPOOL_THREAD_COUNT": "1"}
    host = Host(_consumer(_name(work), last_until_the_host_stops), settings=settings)
    with host:
        assert begun.wait(timeout=WAIT)
    assert ended.is_set()
    assert not host.still_running
    assert [base64.b64decode(message.content) for message in work.peek_messages(5)] == [b"waiting"]
