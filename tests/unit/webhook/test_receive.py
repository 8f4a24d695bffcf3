import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhook.receive import WebhookResponse, receive
from coppice.environment.key import Key

SECRET = "of the tests"
EXCLUDE = ("release/*", "dependabot/*")


def signed(body: bytes, event: str = "push", content_type: str = "application/json") -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"x-github-event": event, "content-type": content_type, "x-hub-signature-256": f"sha256={digest}"}


def answered(headers: Mapping[str, str], body: bytes) -> WebhookResponse:
    return receive(
        headers, body, secret=SECRET, repository="Acme/todo", include=("*",), exclude=EXCLUDE, former=()
    )


def push(branch: str, repository: str = "Acme/todo") -> bytes:
    payload = {
        "ref": f"refs/heads/{branch}",
        "repository": {"full_name": repository, "default_branch": "main"},
    }
    return json.dumps(payload).encode()


def code(answer: WebhookResponse) -> object:
    error = answer.body["error"]
    assert isinstance(error, dict)
    assert set(error) == {"code", "message"}
    assert error["message"]
    return error["code"]


def test_a_push_to_a_branch_queues_its_key() -> None:
    body = push("feature/new-login")

    assert answered(signed(body), body) == WebhookResponse(
        status=202,
        body={"queued": {"repository": "Acme/todo", "branch": "feature/new-login"}},
        key=Key(repository="Acme/todo", branch="feature/new-login"),
    )


def test_the_key_spells_the_repository_as_the_settings_do_whatever_case_github_wrote() -> None:
    body = push("x", repository="acme/TODO")

    assert answered(signed(body), body).key == Key(repository="Acme/todo", branch="x")


@pytest.mark.parametrize("branch", ["main", "release/1", "dependabot/npm/x"])
def test_a_branch_that_gets_no_environment_is_answered_with_the_reason(branch: str) -> None:
    body = push(branch)
    answer = answered(signed(body), body)

    assert (answer.status, answer.key) == (202, None)
    assert repr(branch) in str(answer.body["ignored"])


def test_a_tag_is_answered_with_the_reason() -> None:
    body = b'{"ref": "refs/tags/v1", "repository": {"full_name": "Acme/todo"}}'

    assert answered(signed(body), body) == WebhookResponse(
        status=202, body={"ignored": "'refs/tags/v1' is not a branch."}
    )


def test_a_ping_is_answered_with_200() -> None:
    body = b'{"zen": "Design for failure.", "repository": {"full_name": "Acme/todo"}}'

    assert answered(signed(body, "ping"), body).status == 200


@pytest.mark.parametrize("event", ["push", "ping", "issues"])
def test_another_repository_is_not_found_here_whatever_happened_in_it(event: str) -> None:
    body = push("x", repository="Acme/todo-2")
    answer = answered(signed(body, event), body)

    assert (answer.status, answer.key, code(answer)) == (404, None, "other_repository")


@pytest.mark.parametrize("name", ["acme/old", "Old-Owner/TODO"])
def test_a_delivery_from_before_the_repository_was_renamed_counts_as_ours(name: str) -> None:
    body = push("x", repository=name)
    former = ("Acme/Old", "old-owner/todo")
    answer = receive(
        signed(body), body, secret=SECRET, repository="Acme/todo", include=("*",), exclude=(), former=former
    )

    assert (answer.status, answer.key) == (202, Key(repository="Acme/todo", branch="x"))


@pytest.mark.parametrize(
    "change", [{"x-hub-signature-256": "sha256=" + "0" * 64}, {"x-hub-signature-256": ""}]
)
def test_a_wrong_signature_is_401_even_if_nothing_else_is_right(change: dict[str, str]) -> None:
    for body in (push("x"), b"\xff", push("x", repository="other/one")):
        answer = answered(signed(body) | change, body)

        assert (answer.status, answer.key, code(answer)) == (401, None, "bad_signature")


def test_a_missing_signature_is_401() -> None:
    answer = answered({"x-github-event": "push", "content-type": "application/json"}, push("x"))

    assert (answer.status, code(answer)) == (401, "bad_signature")


def test_a_signed_body_that_makes_no_sense_is_400() -> None:
    answer = answered(signed(b"[]"), b"[]")

    assert (answer.status, answer.key, code(answer)) == (400, None, "malformed")


def test_a_body_of_25_mb_is_read_and_a_larger_one_is_413_before_its_signature_is_looked_at() -> None:
    most = 25 * 1024 * 1024
    body = push("x").ljust(most)

    assert answered(signed(body), body).key == Key(repository="Acme/todo", branch="x")
    too_large = answered({}, body + b" ")
    assert (too_large.status, code(too_large)) == (413, "too_large")


@given(
    body=st.binary() | st.text().map(push),
    event=st.sampled_from(["push", "create", "ping"]) | st.text(),
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded"]) | st.text(),
)
def test_every_answer_can_be_sent_and_only_a_202_has_a_key(
    body: bytes, event: str, content_type: str
) -> None:
    answer = answered(signed(body, event, content_type), body)

    assert answer.status in {200, 202, 400, 404}
    assert json.dumps(answer.body, ensure_ascii=False).encode()
    assert answer.key is None or answer.status == 202


@given(body=st.binary() | st.text().map(push), signature=st.text())
def test_nothing_that_is_unsigned_gets_a_key(body: bytes, signature: str) -> None:
    answer = answered(signed(body) | {"x-hub-signature-256": signature}, body)

    assert (answer.status, answer.key) == (401, None)


def test_a_cold_start_imports_nothing_but_the_standard_library() -> None:
    script = (
        "import sys; before = set(sys.modules); import app.webhook.receive, coppice.environment.naming; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    python = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert set(python.stdout.split()) - sys.stdlib_module_names == {"app", "coppice"}
