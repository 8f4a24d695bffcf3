"""An outage as each SDK raises it, and as it is told: what broke and where, and no library's innards."""

from collections.abc import Callable

import pytest
from kubernetes.client import Configuration

from adapters.azure.client import Unsigned
from adapters.azure.identities import IdentityReaderAdapter
from adapters.github.connections import Connections
from adapters.github.flags import FlagAdapter
from adapters.kubernetes.client import Api
from adapters.storage.queue import Queue
from coppice.reconciler.errors import Unreachable
from tests.integration.adapters.raw import Reset, closed_port, raw_server


def cluster(url: str) -> None:
    Api(Configuration(host=url)).get("/api")


def azure(url: str) -> None:
    IdentityReaderAdapter(Unsigned(), "sub", url, issuer=str).client_id("rg/id")


def github(url: str) -> None:
    FlagAdapter(Connections(url=url, token="t")).default_branch("acme/todo")


def queue(url: str) -> None:
    account = f"AccountName=a;AccountKey=YQ==;QueueEndpoint={url}/a;"
    Queue("branches", {"AzureWebJobsStorage": account}).length()


ASKED = pytest.mark.parametrize("ask", [cluster, azure, github, queue])


@ASKED
def test_where_nothing_listens_the_address_is_told(ask: Callable[[str], None]) -> None:
    url = closed_port()
    with pytest.raises(Unreachable) as raised:
        ask(url)

    at = url.removeprefix("http://")
    assert raised.value.message.endswith(f": nothing answers at {at}: Connection refused")
    assert "Pool" not in raised.value.message


@ASKED
@pytest.mark.parametrize(
    ("cut", "why"),
    [(b"", "Remote end closed connection without response"), (Reset(), "Connection reset by peer")],
)
def test_a_connection_that_is_cut_is_told_as_that(
    ask: Callable[[str], None], cut: bytes | Reset, why: str
) -> None:
    with raw_server(lambda _: cut) as server, pytest.raises(Unreachable) as raised:
        ask(server.url)

    assert "Pool" not in raised.value.message
    assert why in raised.value.message
