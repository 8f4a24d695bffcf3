"""Keys on the queue: now, later, or not at all and then said so."""

import base64

import pytest
from azure.core.exceptions import ClientAuthenticationError

from adapters.storage.queue import Queue
from coppice.reconciler.errors import Forbidden, NotSetUp, Rejected, Unreachable
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.raw import raw_server, reply
from tests.integration.adapters.worlds import Storage, queue_at


def visible(storage: Storage) -> list[str]:
    return [base64.b64decode(each.text).decode() for each in storage.queues.peek("branches", limit=32)]


def test_a_message_travels_in_base64_and_comes_out_as_it_was(storage: Storage) -> None:
    message = '{"branch": "größe/\\"x\\" <&>"}'
    storage.queue.put(message)
    assert visible(storage) == [message]


def test_the_queue_is_made_by_the_first_message(storage: Storage) -> None:
    assert storage.queues.names() == []
    storage.queue.put("a")
    storage.queue.put("b")
    assert storage.queues.names() == ["branches"]
    assert visible(storage) == ["a", "b"]
    assert [each.method for each in storage.emulator.requests] == ["POST", "PUT", "POST", "POST"]


def test_a_queue_that_someone_else_made_meanwhile_will_do(storage: Storage) -> None:
    storage.queues.create("branches")
    storage.emulator.fail(Fail(status=404, method="POST"))
    storage.queue.put("a")
    assert visible(storage) == ["a"]


def test_a_message_is_not_seen_before_its_delay_is_over(storage: Storage) -> None:
    storage.queue.put("later", delay=90.7)
    assert visible(storage) == []
    storage.clock[0] += 90.5
    assert visible(storage) == []
    storage.clock[0] += 0.5
    assert visible(storage) == ["later"]


@pytest.mark.parametrize(("delay", "seen_after"), [(-5, 0), (10**9, 7 * 24 * 3600 - 1)])
def test_a_delay_that_storage_does_not_take_is_cut_to_what_it_does(
    storage: Storage, delay: float, seen_after: int
) -> None:
    storage.queue.put("m", delay=delay)
    storage.clock[0] += seen_after
    assert visible(storage) == ["m"]


def test_a_queue_that_is_not_there_is_empty(storage: Storage) -> None:
    assert storage.queue.length() == 0
    assert storage.queues.names() == []


def test_the_length_counts_what_waits(storage: Storage) -> None:
    storage.queue.put("a")
    storage.queue.put("b", delay=60)
    assert storage.queue.length() == 2


@pytest.mark.parametrize("code", ["AuthorizationPermissionMismatch", "AuthenticationFailed"])
def test_a_key_that_storage_refuses_is_told_as_that_and_not_as_a_role(code: str) -> None:
    body = f"<Error><Code>{code}</Code><Message>This request is not authorized.</Message></Error>".encode()
    answer = reply(403, body, type_="application/xml", x_ms_error_code=code)
    with (
        raw_server(lambda _: answer) as server,
        pytest.raises(Forbidden, match=r"(?s)not authorized.*key or signature in AzureWebJobs") as refused,
    ):
        queue_at(server.url).put("a")
    assert "role" not in refused.value.message


def test_an_identity_that_cannot_sign_in_is_told_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        def __init__(self, **_: object) -> None:
            pass

        def get_token(self, *_: str, **__: object) -> None:
            raise ClientAuthenticationError("no managed identity here")

    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Nobody)
    queue = Queue("branches", {"AzureWebJobsStorage__accountName": "stcoppice"})
    with pytest.raises(Forbidden, match="Storage Queue Data Contributor"):
        queue.put("a")


def test_a_message_that_is_too_large_is_rejected(storage: Storage) -> None:
    with pytest.raises(Rejected):
        storage.queue.put("x" * 65_000)


def test_a_put_that_failed_is_not_sent_again(storage: Storage) -> None:
    storage.queues.create("branches")
    storage.emulator.fail(Fail(status=503, retry_after=3600))
    with pytest.raises(Unreachable) as caught:
        storage.queue.put("a")
    assert caught.value.retry_after == 3600
    assert len(storage.emulator.requests) == 1
    assert visible(storage) == []


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (
            {"AzureWebJobsStorage": "UseDevelopmentStorage=true"},
            "http://127.0.0.1:10001/devstoreaccount1/b-b",
        ),
        (
            {"AzureWebJobsStorage": "usedevelopmentstorage=true; "},
            "http://127.0.0.1:10001/devstoreaccount1/b-b",
        ),
        ({"AzureWebJobsStorage__accountName": "stcoppice"}, "https://stcoppice.queue.core.windows.net/b-b"),
        (
            {
                "AzureWebJobsStorage__queueServiceUri": "https://stcoppice.queue.core.chinacloudapi.cn",
                "AzureWebJobsStorage__clientId": "00000000-0000-0000-000c-000000000001",
            },
            "https://stcoppice.queue.core.chinacloudapi.cn/b-b",
        ),
        (
            {
                "AzureWebJobsStorage": "DefaultEndpointsProtocol=https;AccountName=st;AccountKey=a2V5;"
                "EndpointSuffix=core.windows.net"
            },
            "https://st.queue.core.windows.net/b-b",
        ),
    ],
)
def test_the_storage_is_found_as_functions_finds_it_and_nothing_is_sent(
    settings: dict[str, str], url: str
) -> None:
    assert Queue("b-b", settings)._client.url.partition("?")[0] == url


@pytest.mark.parametrize("settings", [{}, {"AzureWebJobsStorage": ""}, {"AzureWebJobsStorage": "nonsense"}])
def test_without_a_storage_the_setting_is_named(settings: dict[str, str]) -> None:
    with pytest.raises(NotSetUp, match="AzureWebJobsStorage"):
        Queue("branches", settings)
