"""Bad evidence: what systems have been seen to say, with a straight face or not, that is not so."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.chaos.faults.fault_proxy import Lie
from tests.chaos.faults.faults import Answer, refusal
from tests.chaos.faults.wire import Call, Said, cut, said


@dataclass(frozen=True)
class Evidence:
    """An answer that is not to be believed.

    Attributes:
        name: what it is called.
        about: the calls that it answers, as a pattern of `system: METHOD target`.
        lie: what becomes of the true answer.
        later: the same for the pages that follow.
    """

    name: str
    about: str
    lie: Lie
    later: Lie | None = None

    def __call__(self, call: Call) -> Lie | None:
        """What becomes of the answer to a call."""
        if not re.match(self.about, str(call)):
            return None
        follows = re.search(r"[?&](continue|page|\$skiptoken)=", call.target)
        return self.later if self.later and follows else self.lie


def refused(system: str, status: int, **headers: str) -> Lie:
    """The system's own refusal."""
    answer = refusal(system, status)
    more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return lambda _: said(replace(answer, headers=(*answer.headers, *more)))


def page_of_a_proxy(status: int) -> Lie:
    """What stands between says something, in HTML."""
    body = b"<html><body>Sorry.</body></html>"
    return lambda _: said(Answer(status=status, headers=(("content-type", "text/html"),), body=body))


def with_json(change: Callable[[Any], Any]) -> Lie:
    """Another document than the true one."""
    return lambda answer: said(replace(answer, body=json.dumps(change(json.loads(answer.body))).encode()))


def cut_short(answer: Answer) -> Said:
    """Half of the true answer."""
    return cut(said(answer))


def truth(answer: Answer) -> Said:
    """The true answer."""
    return said(answer)


@with_json
def half_of_a_cluster_s_list(document: dict[str, Any]) -> dict[str, Any]:
    """The first page of a list that has another."""
    metadata = {**document["metadata"], "continue": "more"}
    return {**document, "metadata": metadata, "items": document["items"][:1]}


def half_of_the_branches(answer: Answer) -> Said:
    """The first page of the branches, of which there is another."""
    link = ("link", '</repos/acme/todo-app/branches?per_page=100&page=2>; rel="next"')
    body = json.dumps(json.loads(answer.body)[:1]).encode()
    return said(replace(answer, body=body, headers=(*answer.headers, link)))
