"""Whatever is sent to the webhook, the answer is one of the documented ones, and an unsigned word goes no
further.
"""

import json
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devtools.emulators.github.webhooks import sign
from tests.integration.end_to_end.stage import Stage

ANSWERS = {200, 202, 400, 401, 404, 413}

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
branches = st.text(min_size=1, max_size=30) | st.sampled_from(
    ["main", "../..", "\x00", "a" * 70_000, "\ud800"]
)
payloads = st.fixed_dictionaries(
    {
        "repository": json_values
        | st.fixed_dictionaries({"full_name": st.sampled_from(["acme/elsewhere", "", "acme"]) | json_values})
        | st.just({"full_name": "acme/todo-app", "default_branch": "main"}),
        "ref": json_values | branches.map("refs/heads/{}".format) | st.just("refs/tags/v1"),
    },
    optional={"ref_type": json_values | st.sampled_from(["branch", "tag"]), "deleted": json_values},
)
bodies = st.one_of(
    st.binary(max_size=200),
    (payloads | json_values).map(lambda value: json.dumps(value).encode()),
    (payloads | json_values).map(lambda value: b"payload=" + json.dumps(value).encode()),
    st.sampled_from(
        [b"[" * 50_000, b'{"a":' * 50_000, b"9" * 50_000, b'{"ref": NaN}', b"\xff\xfe{\x00", b""]
    ),
)
events = st.sampled_from(["push", "create", "delete", "ping", "fork", ""]) | st.text(
    st.characters(min_codepoint=33, max_codepoint=126), max_size=20
)
content_types = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "application/json; charset=utf-7", "text/x", ""]
)
signatures = st.sampled_from(
    ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "0" * 64, "sha256=\xe9"]
)


def send(stage: Stage, body: bytes, **headers: str) -> httpx.Response:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return stage.api.post("/api/github", content=body, headers=named)


@given(body=bodies, event=events, content_type=content_types)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_signed_delivery_gets_one_of_the_documented_answers(
    stage: Stage, body: bytes, event: str, content_type: str
) -> None:
    secret = stage.world.settings["GITHUB_WEBHOOK_SECRET"]
    answer = send(
        stage, body, X_GitHub_Event=event, Content_Type=content_type, X_Hub_Signature_256=sign(secret, body)
    )
    assert answer.status_code in ANSWERS - {401}
    assert answer.json()


@given(body=bodies, event=events, content_type=content_types, signature=signatures)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_delivery_with_another_signature_is_refused(
    stage: Stage, body: bytes, event: str, content_type: str, signature: str
) -> None:
    answer = send(stage, body, X_GitHub_Event=event, Content_Type=content_type, X_Hub_Signature_256=signature)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "bad_signature"


def test_nobody_is_asked_about_a_branch_that_an_unsigned_delivery_names(stage: Stage) -> None:
    body = json.dumps({"ref": "refs/heads/forged", "repository": {"full_name": "acme/todo-app"}}).encode()
    headers = {"X_GitHub_Event": "push", "Content_Type": "application/json"}
    assert send(stage, body, **headers, X_Hub_Signature_256=sign("a guess", body)).status_code == 401
    stage.actors.push(stage.branch)  # by the time this has been worked on, the other would have been too
    stage.stands(stage.branch)
    asked = [each["path"] for each in stage.world.github.get("/_emulator/requests").json()]
    assert any(stage.branch in path for path in asked)
    assert not any("forged" in path for path in asked)


def test_a_body_that_is_too_large_is_refused_before_its_signature_is_looked_at(stage: Stage) -> None:
    answer = send(stage, b" " * (25 * 1024 * 1024 + 1), X_GitHub_Event="push")
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
