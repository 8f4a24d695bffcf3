"""Queue outputs, each against the emulator and against Azurite."""

import base64
import queue
from typing import Any

import azure.functions as func
import httpx
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from devtools.host.app import Host

STORAGE = "AzureWebJobsStorage"


def _producer(work: QueueClient) -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route(route="put/{how}")
    @app.queue_output(arg_name="out", queue_name=work.queue_name, connection=STORAGE)
    def put(req: func.HttpRequest, out: func.Out[Any]) -> str:
        match req.route_params["how"]:
            case "text":
                out.set("ü")
            case "bytes":
                out.set(b"\x00\xff")
            case "several":
                out.set(["a", func.QueueMessage(body="b")])
            case "fail":
                out.set("must not appear")
                raise RuntimeError("no")
            case "nonsense":
                out.set(42)
            case "too-long":
                out.set("x" * 65536)
        return "done"

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
    @app.queue_output(arg_name="out", queue_name=work.queue_name, connection=STORAGE)
    def tick(timer: func.TimerRequest, out: func.Out[str]) -> None:
        out.set("from the timer")

    return app


@pytest.mark.parametrize(
    ("how", "bodies"), [("text", ["ü".encode()]), ("bytes", [b"\x00\xff"]), ("several", [b"a", b"b"])]
)
def test_an_output_is_written_in_base64_by_the_time_the_caller_has_its_answer(
    storage_connection: str, work: QueueClient, how: str, bodies: list[bytes]
) -> None:
    with Host(_producer(work), settings={STORAGE: storage_connection}) as host:
        assert httpx.get(f"{host.url}/api/put/{how}").text == "done"
        assert [base64.b64decode(message.content) for message in work.peek_messages(5)] == bodies


@pytest.mark.parametrize(("how", "status"), [("fail", 500), ("nonsense", 500), ("nothing", 200)])
def test_a_function_that_fails_or_sets_nothing_writes_nothing(
    storage_connection: str, work: QueueClient, how: str, status: int
) -> None:
    with Host(_producer(work), settings={STORAGE: storage_connection}) as host:
        assert httpx.get(f"{host.url}/api/put/{how}").status_code == status
    with pytest.raises(ResourceNotFoundError):
        work.get_queue_properties()


def test_a_function_whose_output_is_not_taken_has_failed(storage_connection: str, work: QueueClient) -> None:
    work.create_queue()
    with Host(_producer(work), settings={STORAGE: storage_connection}) as host:
        assert httpx.get(f"{host.url}/api/put/too-long").status_code == 500
    assert work.peek_messages() == []


def test_an_output_reaches_the_function_that_waits_for_it(storage_connection: str, work: QueueClient) -> None:
    seen: queue.Queue[bytes] = queue.Queue()
    app = _producer(work)

    @app.queue_trigger(arg_name="message", queue_name=work.queue_name, connection=STORAGE)
    def consumer(message: func.QueueMessage) -> None:
        seen.put(message.get_body())

    with Host(app, settings={STORAGE: storage_connection}) as host:
        assert httpx.get(f"{host.url}/api/put/text").text == "done"
        assert seen.get(timeout=15) == "ü".encode()
        assert httpx.post(f"{host.url}/admin/functions/tick", json={}).status_code == 202
        assert seen.get(timeout=15) == b"from the timer"
