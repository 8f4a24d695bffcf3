"""GitHub's payloads as Octokit publishes them: each gets the answer that its event deserves."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from app.webhook.receive import WebhookResponse, receive
from coppice.environment.key import Key

EXAMPLES = Path(__file__).parents[3] / "node_modules/@octokit/webhooks-examples/api.github.com/index.json"
if not EXAMPLES.exists():
    pytest.skip("GitHub's example payloads are missing: run `npm install`", allow_module_level=True)

SECRET = "of the examples"
REPOSITORY = "Codertocat/Hello-World"
DELIVERIES: list[tuple[str, dict[str, Any]]] = [
    (each["name"], payload) for each in json.loads(EXAMPLES.read_text()) for payload in each["examples"]
]


def deliver(
    event: str, payload: dict[str, Any], *, repository: str = REPOSITORY, form: bool = False
) -> WebhookResponse:
    text = json.dumps(payload)
    body = (urlencode({"payload": text}) if form else text).encode()
    headers = {
        "X-GitHub-Event": event,
        "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    return receive(headers, body, secret=SECRET, repository=repository, include=("*",), exclude=(), former=())


def test_there_are_examples_of_every_event_that_matters() -> None:
    assert {"create", "delete", "push", "ping"} <= {event for event, _ in DELIVERIES}
    assert len(DELIVERIES) > 300


@pytest.mark.parametrize(("event", "payload"), DELIVERIES)
@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_an_example_gets_the_answer_that_its_event_deserves(
    event: str, payload: dict[str, Any], form: bool
) -> None:
    answer = deliver(event, payload, form=form)

    if "repository" in payload and payload["repository"]["full_name"] != REPOSITORY:
        assert answer.status == 404
    elif event == "ping":
        assert answer.status == 200
    else:
        # Of all the examples not one is about a branch that gets an environment: tags, and pushes to master.
        assert answer.status == 202
        assert answer.body["ignored"]
    assert answer.key is None


@pytest.mark.parametrize(
    ("event", "payload"), [each for each in DELIVERIES if each[0] in {"create", "delete", "push"}]
)
def test_an_example_that_is_moved_to_a_branch_queues_its_key(event: str, payload: dict[str, Any]) -> None:
    moved = {"ref": "refs/heads/feature/x"} if event == "push" else {"ref_type": "branch", "ref": "feature/x"}

    answer = deliver(event, payload | moved)

    assert (answer.status, answer.key) == (202, Key(repository=REPOSITORY, branch="feature/x"))


@pytest.mark.parametrize(("event", "payload"), [each for each in DELIVERIES if "repository" in each[1]])
def test_an_example_is_answered_where_its_own_repository_is_served(
    event: str, payload: dict[str, Any]
) -> None:
    answer = deliver(event, payload, repository=payload["repository"]["full_name"])

    assert answer.status == (200 if event == "ping" else 202)
