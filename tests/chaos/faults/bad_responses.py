"""Bad evidence: wrong, incomplete and failed responses that real systems have sent."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.chaos.faults.fault_proxy import BadResponse
from tests.chaos.faults.faults import Answer, refusal
from tests.chaos.faults.wire import Call, Reply, cut, encode


@dataclass(frozen=True)
class Evidence:
    """A bad response to certain calls.

    Attributes:
        name: the name of the test.
        about: the calls that get it, as a pattern of `system: METHOD target`.
        bad_response: replaces the true response.
        next_pages: replaces the true response to a request for a page after the first; None if
            `bad_response` does.
    """

    name: str
    about: str
    bad_response: BadResponse
    next_pages: BadResponse | None = None

    def __call__(self, call: Call) -> BadResponse | None:
        """The bad response to a call; None if it gets the true one."""
        if not re.match(self.about, str(call)):
            return None
        follows = re.search(r"[?&](continue|page|\$skiptoken)=", call.target)
        return self.next_pages if self.next_pages and follows else self.bad_response


def error_response(system: str, status: int, **headers: str) -> BadResponse:
    """An error in the system's own shape."""
    answer = refusal(system, status)
    more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return lambda _: encode(replace(answer, headers=(*answer.headers, *more)))


def html_response(status: int) -> BadResponse:
    """A response in HTML, of a proxy between the program and the system."""
    body = b"<html><body>Sorry.</body></html>"
    return lambda _: encode(Answer(status=status, headers=(("content-type", "text/html"),), body=body))


def with_json(change: Callable[[Any], Any]) -> BadResponse:
    """The true response with a changed document."""
    return lambda answer: encode(replace(answer, body=json.dumps(change(json.loads(answer.body))).encode()))


def truncated_response(answer: Answer) -> Reply:
    """The true response, cut off in the middle of its body."""
    return cut(encode(answer))


def true_response(answer: Answer) -> Reply:
    """The true response."""
    return encode(answer)


@with_json
def first_page_of_a_list(document: dict[str, Any]) -> dict[str, Any]:
    """The first page of a list of the cluster, with one item, that announces another page."""
    metadata = {**document["metadata"], "continue": "more"}
    return {**document, "metadata": metadata, "items": document["items"][:1]}


def first_page_of_branches(answer: Answer) -> Reply:
    """The first page of the branches, with one branch, that announces another page."""
    link = ("link", '</repos/acme/todo-app/branches?per_page=100&page=2>; rel="next"')
    body = json.dumps(json.loads(answer.body)[:1]).encode()
    return encode(replace(answer, body=body, headers=(*answer.headers, link)))
