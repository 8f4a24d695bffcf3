"""Deliveries: what is sent for a change of the refs, and how it is signed."""

import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devtools.emulators.github.repository import Repository
from devtools.emulators.github.webhooks import deliver, events_between, ping_payload, refs, sign
from devtools.emulators.serving import serving

NO_COMMIT = "0" * 40


def test_a_new_branch_is_a_create_and_a_push(repository: Repository) -> None:
    before = refs(repository)
    sha = repository.commit("feature/new-login", {"a": b"1"}, "A change")
    create, push = events_between(repository, before, refs(repository))
    assert (create.event, create.payload["ref"], create.payload["ref_type"]) == (
        "create",
        "feature/new-login",
        "branch",
    )
    assert (push.event, push.payload["ref"]) == ("push", "refs/heads/feature/new-login")
    assert (push.payload["before"], push.payload["after"]) == (NO_COMMIT, sha)
    assert (push.payload["created"], push.payload["deleted"]) == (True, False)


def test_a_further_commit_is_a_push(repository: Repository) -> None:
    before = refs(repository)
    sha = repository.commit("main", {"a": b"1"}, "A change")
    (push,) = events_between(repository, before, refs(repository))
    assert (push.event, push.payload["before"], push.payload["after"]) == ("push", before["main"], sha)
    assert (push.payload["created"], push.payload["head_commit"]["id"]) == (False, sha)


def test_a_deleted_branch_is_a_delete_and_a_push_that_says_so(repository: Repository) -> None:
    sha = repository.commit("feature/new-login", {"a": b"1"}, "A change")
    before = refs(repository)
    repository.delete("feature/new-login")
    delete, push = events_between(repository, before, refs(repository))
    assert (delete.event, delete.payload["ref"]) == ("delete", "feature/new-login")
    assert (push.payload["deleted"], push.payload["before"], push.payload["after"]) == (True, sha, NO_COMMIT)
    assert push.payload["head_commit"] is None


BRANCHES = st.dictionaries(st.sampled_from(["main", "a", "b/c"]), st.sampled_from(["1" * 40, "2" * 40]))


@given(before=BRANCHES, after=BRANCHES)
def test_there_is_one_push_for_each_branch_that_differs(
    before: dict[str, str], after: dict[str, str]
) -> None:
    repository = Repository(path=Path("/nowhere"))
    pushed = [
        delivery.payload["ref"].removeprefix("refs/heads/")
        for delivery in events_between(repository, before, after)
        if delivery.event == "push"
    ]
    assert pushed == sorted(name for name in before | after if before.get(name) != after.get(name))


def test_the_signature_is_githubs() -> None:
    # https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert sign("It's a Secret to Everybody", b"Hello, World!") == expected


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_delivery_is_signed_over_the_raw_body_in_both_content_types(
    repository: Repository, content_type: str
) -> None:
    received: list[tuple[httpx.Headers, bytes]] = []

    async def receive(request: Request) -> Response:
        received.append((httpx.Headers(request.headers.raw), await request.body()))
        return Response(status_code=202)

    payload = ping_payload(repository, url="http://127.0.0.1/api/github")
    with serving(Starlette(routes=[Route("/api/github", receive, methods=["POST"])])) as url:
        answer = deliver(f"{url}/api/github", "ping", payload, "secret", content_type=content_type)
    ((headers, body),) = received
    digest = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    text = parse_qs(body.decode())["payload"][0] if content_type.endswith("urlencoded") else body
    assert answer.status_code == 202
    assert (headers["X-GitHub-Event"], headers["Content-Type"]) == ("ping", content_type)
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert json.loads(text) == payload
