"""What the triggers do around a call: they name it, tell of it, and leave all else to the room behind."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest

from app.http.respond import correlation_id, respond
from app.http.responses import Response, error
from app.messages import enqueue, log_poison, work
from coppice.reconciler.correlation import current
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.outcome import Done, Outcome, Waiting
from coppice.reconciler.report import Report
from scheduler.message import from_message, to_message
from tests.support.triggers import Context, Out

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
INVOCATION = Context().invocation_id


def request(**headers: str) -> func.HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return func.HttpRequest("POST", "/api/github", headers=named, body=b"")


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({}, INVOCATION),
        ({"X-GitHub-Delivery": DELIVERY}, DELIVERY),
        ({"x-github-delivery": DELIVERY}, DELIVERY),
        ({"x-ms-client-request-id": "mine"}, "mine"),
        ({"x-ms-client-request-id": "mine", "X-GitHub-Delivery": DELIVERY}, DELIVERY),
        ({"X-GitHub-Delivery": 'a" or 1=1'}, INVOCATION),
        ({"X-GitHub-Delivery": "a" * 65, "x-ms-client-request-id": "mine"}, "mine"),
    ],
)
def test_a_request_is_called_as_its_sender_calls_it(headers: Mapping[str, str], named: str) -> None:
    request = func.HttpRequest("POST", "/api/github", headers=headers, body=b"")

    assert correlation_id(request.headers, INVOCATION) == named


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (Response(202, {"queued": 1}), {"queued": 1, "correlation_id": DELIVERY}),
        (Response(200, {"status": "ok"}), {"status": "ok"}),
        (error(404, "gone", "no"), {"error": {"code": "gone", "message": "no"}}),
    ],
)
def test_every_answer_says_how_to_find_it_in_the_log(answer: Response, body: Mapping[str, Any]) -> None:
    told = respond(request(X_GitHub_Delivery=DELIVERY), Context(), lambda: answer)

    assert (told.status_code, json.loads(told.get_body())) == (answer.status, body)
    assert told.headers["x-ms-request-id"] == DELIVERY
    assert current() == ""


def test_the_line_of_a_failure_can_be_found_by_a_stranger_who_is_not_told_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def call() -> Response:
        raise Unreachable("10.0.0.1 did not answer")

    told = respond(request(), Context(), call, public=True)

    assert b"10.0.0.1" not in told.get_body()
    assert caplog.messages == [f"10.0.0.1 did not answer (correlation_id {INVOCATION})"]
    assert told.headers["x-ms-request-id"] == INVOCATION


class Queue:
    """Keeps what is put back."""

    def __init__(self) -> None:
        self.put_back: list[tuple[str, float]] = []

    def put(self, message: str, *, delay: float = 0) -> None:
        self.put_back.append((message, delay))


def worked(message: str, outcome: Outcome | None) -> tuple[list[str], Queue]:
    """What the runs of a message were called, and what was put back."""
    queue, called = Queue(), list[str]()

    def reconcile(environment: str) -> Report | None:
        called.append(current())
        return None if outcome is None else Report(key={}, outcome=outcome, seconds=0)

    work(
        func.QueueMessage(body=message),
        Context(),
        read=from_message,
        write=to_message,
        reconcile=reconcile,
        queue=lambda: queue,
        now=lambda: NOW,
    )
    return called, queue


def test_a_run_and_the_message_that_comes_back_bear_the_messages_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    message = json.dumps({"environment": "dev", "correlationId": DELIVERY})

    called, queue = worked(message, Waiting("pods", "pods", 10))

    assert called == [DELIVERY]
    [(again, delay)] = queue.put_back
    assert (json.loads(again), delay) == (
        {"environment": "dev", "firstSeen": "2026-03-02T09:00:00+00:00", "correlationId": DELIVERY},
        10,
    )
    assert json.loads(caplog.messages[0].removeprefix("run "))["correlation_id"] == DELIVERY
    assert current() == ""


def test_a_message_without_an_id_is_called_by_its_first_invocation() -> None:
    called, queue = worked('{"environment": "dev"}', Waiting("pods", "pods", 10))

    assert called == [INVOCATION]
    assert json.loads(queue.put_back[0][0])["correlationId"] == INVOCATION


@pytest.mark.parametrize("outcome", [Done(), None])
def test_what_has_ended_is_not_put_back(outcome: Outcome | None) -> None:
    assert worked('{"environment": "dev"}', outcome)[1].put_back == []


def test_an_unreadable_message_is_told_under_its_id_and_left_to_the_poison_queue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = json.dumps({"branch": "x", "correlationId": DELIVERY})
    with pytest.raises(ValueError, match="environment is missing"):
        worked(message, Done())
    log_poison(func.QueueMessage(body=message), Context())

    unreadable, poison = caplog.messages
    assert unreadable.startswith("unreadable message: ")
    assert unreadable.endswith(f"(correlation_id {DELIVERY})")
    assert json.loads(poison.removeprefix("poison ")) == {"message": message, "correlation_id": DELIVERY}


def test_what_is_queued_is_stamped_and_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    out = Out()

    def call() -> Response:
        enqueue(out, {"environment": "dev"})
        return Response(202, {})

    respond(request(X_GitHub_Delivery=DELIVERY), Context(), call)

    assert [json.loads(each) for each in out.keys] == [{"environment": "dev", "correlationId": DELIVERY}]
    assert caplog.messages == [f'queued {{"environment": "dev", "correlation_id": "{DELIVERY}"}}']
