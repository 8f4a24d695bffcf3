import base64
import logging
import queue

import azure.functions as func
import pytest
from azure.storage.queue import QueueServiceClient
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devtools.emulators.queues.app import queue_service
from devtools.emulators.queues.connection import emulator_connection_string
from devtools.emulators.queues.store import Queues
from devtools.emulators.serving import serving
from devtools.host.app import Host
from devtools.host.settings import SettingsError
from devtools.host.storage import Storage, with_storage


def test_without_a_connection_there_are_queues_in_memory() -> None:
    with with_storage({"A": "1", "AzureWebJobsStorage": ""}) as settings:
        assert settings["A"] == "1"
        connection = settings["AzureWebJobsStorage"]
        with QueueServiceClient.from_connection_string(connection, retry_total=0) as service:
            service.create_queue("branches")
            assert [queue.name for queue in service.list_queues()] == ["branches"]


def test_a_connection_that_is_given_is_left_alone() -> None:
    with with_storage({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}) as settings:
        assert settings == {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


def test_a_connection_by_identity_is_refused_with_what_to_do() -> None:
    with (
        pytest.raises(SettingsError, match="connection string, not with an identity"),
        with_storage({"AzureWebJobsStorage__accountName": "production"}),
    ):
        pass


def test_development_storage_is_azurite_on_its_usual_port() -> None:
    with Storage({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}) as storage:
        queue = storage.queue(connection="AzureWebJobsStorage", name="branches")
        assert queue.url == "http://127.0.0.1:10001/devstoreaccount1/branches"


@pytest.mark.parametrize("wrong", ["nonsense", "AccountKey=eA=="])
def test_a_setting_that_holds_no_connection_string_is_named(wrong: str) -> None:
    with (
        pytest.raises(SettingsError, match="AzureWebJobsStorage is no storage connection string"),
        Storage({"AzureWebJobsStorage": wrong}) as storage,
    ):
        storage.queue(connection="AzureWebJobsStorage", name="branches")


def test_storage_that_fails_is_said_once_and_used_again_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Queues()
    store.create("work")
    store.put("work", base64.b64encode(b"x").decode())
    healthy, refusals = queue_service(store), iter(range(3))

    async def refuses_three_times(scope: Scope, receive: Receive, send: Send) -> None:
        refused = scope["type"] == "http" and next(refusals, None) is not None
        await (Response(status_code=503) if refused else healthy)(scope, receive, send)

    seen: queue.Queue[bytes] = queue.Queue()
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name="work", connection="AzureWebJobsStorage")
    def consume(message: func.QueueMessage) -> None:
        seen.put(message.get_body())

    caplog.set_level(logging.INFO, logger="host")
    host_json = {"extensions": {"queues": {"maxPollingInterval": "00:00:00.100"}}}
    with serving(refuses_three_times) as url:
        settings = {"AzureWebJobsStorage": emulator_connection_string(url)}
        with Host(app, settings=settings, host_json=host_json):
            assert seen.get(timeout=15) == b"x"
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Queue")]
    assert len(said) == 2
    assert said[0].startswith("Queue work cannot be used, trying again: ")
    assert said[1] == "Queue work can be used again"
