"""An error keeps its face: whatever a system answers, one of our types comes out, and what to do next."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import pytest
from kubernetes.client import Configuration

from adapters.kubernetes.client import Api
from adapters.kubernetes.paths import path
from adapters.retry import poll_until
from coppice.components.federated_identity import Credential
from coppice.components.removal import Owned
from coppice.reconciler.errors import (
    Conflict,
    Failure,
    Forbidden,
    Gone,
    Rejected,
    Throttled,
    Unreachable,
)
from tests.integration.adapters.raw import (
    GARBAGE,
    Answer,
    Raw,
    Reset,
    Silence,
    closed_port,
    json_reply,
    raw_server,
    reply,
)
from tests.integration.adapters.worlds import azure_at, queue_at, repository_at

CREDENTIAL = Credential(
    identity="rg-coppice/id-feature-1", name="coppice-x", issuer="https://issuer.test/", subject="s"
)
Call = Callable[[], object]


def reads(url: str) -> Mapping[str, Call]:
    """Every call that only reads."""
    azure, repository, api = azure_at(url), repository_at(url), Api(Configuration(host=url))
    return {
        "arm issuer": azure.cluster.issuer,
        "arm server": azure.cluster.server,
        "arm identity": lambda: azure.reader.identity(CREDENTIAL.identity),
        "arm credentials": lambda: azure.reader.credentials(CREDENTIAL.identity),
        "github default branch": repository.default_branch,
        "github head": lambda: repository.head("main"),
        "github heads": repository.heads,
        "github archive": lambda: repository.archive("abc"),
        "kubernetes get": lambda: api.get(path("v1", "namespaces", name="x")),
        "kubernetes items": lambda: list(api.items(path("v1", "namespaces"))),
    }


def writes(url: str) -> Mapping[str, Call]:
    """Every call that changes something."""
    azure, queue, api = azure_at(url), queue_at(url), Api(Configuration(host=url))
    where = path("v1", "namespaces", name="x")
    return {
        "arm create": lambda: azure.writer.create(CREDENTIAL),
        "arm delete": lambda: azure.deleter.delete(Owned(CREDENTIAL)),
        "kubernetes post": lambda: api.post(path("v1", "namespaces"), {"kind": "Namespace"}),
        "kubernetes put": lambda: api.put(where, {"kind": "Namespace"}),
        "kubernetes apply": lambda: api.apply(where, {"kind": "Namespace"}),
        "kubernetes merge": lambda: api.merge(where, {"metadata": {}}),
        "kubernetes delete": lambda: api.delete(where, uid="u"),
        "queue put": lambda: queue.put("{}"),
    }


READS, WRITES = list(reads("http://127.0.0.1:1")), list(writes("http://127.0.0.1:1"))


def failure_of(call: Call) -> Failure:
    with pytest.raises(Failure) as caught:
        call()
    return caught.value


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[Raw, Mapping[str, Call]]]:
    with raw_server(lambda _: answer) as server:
        yield server, {**reads(server.url), **writes(server.url)}


def refusal(status: int, **headers: str) -> bytes:
    """An error in every system's own shape at once."""
    words = f"no, says {status}"
    body = {"kind": "Status", "message": words, "error": {"code": "No", "message": words}}
    return json_reply(status, body, **headers)


FACES: Mapping[int, type[Failure]] = {
    400: Rejected,
    401: Forbidden,
    403: Forbidden,
    404: Gone,
    408: Unreachable,
    409: Conflict,
    412: Conflict,
    422: Rejected,
    429: Throttled,
    500: Unreachable,
    502: Unreachable,
    503: Unreachable,
    504: Unreachable,
}
# Absent is what these are asked about, or what they want.
ABSENT_IS_AN_ANSWER = {"arm credentials", "arm delete", "kubernetes delete"}


@pytest.mark.parametrize("status", FACES)
@pytest.mark.parametrize("call", [*READS, *WRITES])
def test_each_status_becomes_its_own_type_and_keeps_the_systems_words(call: str, status: int) -> None:
    with answering(refusal(status)) as (_, calls):
        if status == 404 and call in ABSENT_IS_AN_ANSWER:
            calls[call]()
            return
        error = failure_of(calls[call])
    assert type(error) is FACES[status]
    assert call == "queue put" or f"says {status}" in error.message


@pytest.mark.parametrize("call", [*READS, *WRITES])
def test_who_is_forbidden_is_told_what_to_check(call: str) -> None:
    with answering(refusal(403)) as (_, calls), pytest.raises(Forbidden, match=r"[Cc]heck|needs the role"):
        calls[call]()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("call", [*READS, *WRITES])
def test_retry_after_is_handed_on_and_never_slept_on(call: str, status: int) -> None:
    with answering(refusal(status, Retry_After="1700")) as (server, calls):
        error = failure_of(calls[call])
    assert (type(error), error.retry_after) == (FACES[status], 1700)
    assert len(server.asked) == 1


@pytest.mark.parametrize("after", ["Fri, 31 Dec 2027 23:59:59 GMT", "soon", "-5", "²", "1e9", ""])
@pytest.mark.parametrize("call", ["arm identity", "github head", "kubernetes get", "queue put"])
def test_a_retry_after_that_is_no_number_is_a_throttling_all_the_same(call: str, after: str) -> None:
    with answering(refusal(429, Retry_After=after)) as (_, calls), pytest.raises(Throttled) as caught:
        calls[call]()
    assert caught.value.retry_after in {5, 60}


@pytest.mark.parametrize("call", ["arm identity", "github head", "kubernetes get", "queue put"])
def test_nobody_is_waited_for_longer_than_an_hour(call: str) -> None:
    with answering(refusal(429, Retry_After="9" * 400)) as (_, calls), pytest.raises(Throttled) as caught:
        calls[call]()
    assert caught.value.retry_after == 3600


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("call", READS)
def test_garbage_with_200_is_no_answer_and_is_asked_for_three_times(call: str, garbage: str) -> None:
    with answering(GARBAGE[garbage]) as (server, calls), pytest.raises(Unreachable):
        calls[call]()
    assert len(server.asked) == 3


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("call", WRITES)
def test_a_write_is_sent_once_whatever_garbage_comes_back(call: str, garbage: str) -> None:
    with answering(GARBAGE[garbage]) as (server, calls), suppress(Unreachable):
        calls[call]()
    assert len(server.asked) == 1


@pytest.mark.parametrize("call", READS)
def test_a_proxys_404_is_no_proof_of_absence(call: str) -> None:
    page = reply(404, b"<html><h1>404 Not Found</h1></html>", type_="text/html")
    with answering(page) as (_, calls), pytest.raises(Unreachable):
        calls[call]()


@pytest.mark.parametrize("call", [*READS, *WRITES])
def test_a_proxys_bad_gateway_is_unreachable_and_its_page_is_not_told_at_length(call: str) -> None:
    page = reply(502, b"<html>" + b"x" * 10_000 + b"</html>", type_="text/html")
    with answering(page) as (_, calls), pytest.raises(Unreachable) as caught:
        calls[call]()
    assert len(caught.value.message) < 3000


@pytest.mark.parametrize("call", READS)
def test_a_connection_that_is_reset_is_tried_three_times(call: str) -> None:
    with answering(Reset()) as (server, calls), pytest.raises(Unreachable):
        calls[call]()
    assert len(server.asked) == 3


@pytest.mark.parametrize("call", WRITES)
def test_a_write_whose_answer_was_lost_is_never_sent_again(call: str) -> None:
    with answering(Reset()) as (server, calls), pytest.raises(Unreachable):
        calls[call]()
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("call", WRITES)
def test_a_write_that_failed_is_never_sent_again(call: str, status: int) -> None:
    with answering(refusal(status)) as (server, calls), pytest.raises(Unreachable):
        calls[call]()
    assert len(server.asked) == 1


@pytest.mark.parametrize("call", [*READS, *WRITES])
def test_a_refused_connection_is_unreachable(call: str) -> None:
    url = closed_port()
    with pytest.raises(Unreachable):
        {**reads(url), **writes(url)}[call]()


# PyGithub counts in whole seconds, so one of its calls has to do.
@pytest.mark.parametrize("call", [*(call for call in READS if "github" not in call), "github head", *WRITES])
def test_a_server_that_says_nothing_is_given_up(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short = {"connection_timeout": 1, "read_timeout": 0.05}
    monkeypatch.setattr("adapters.azure.client._TIMEOUTS", short)
    monkeypatch.setattr("adapters.storage.queue._TIMEOUTS", short)
    monkeypatch.setattr("adapters.github.client._TIMEOUT", 1)
    monkeypatch.setattr("adapters.kubernetes.transport._TIMEOUT", (1, 0.05))
    tries = 1 if call in WRITES else 3
    with answering(Silence()) as (server, calls):
        with pytest.raises(Unreachable):
            calls[call]()
        # Who asked may have given up before the server came to hear it.
        poll_until(lambda: len(server.asked) >= tries or None, seconds=10)
    assert len(server.asked) == tries
