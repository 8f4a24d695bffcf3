import contextlib
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhook.event import BranchChanged, Ignored, Malformed, Ping, parse
from coppice.environment.key import Key

REPOSITORY = {"full_name": "Acme/todo", "default_branch": "main"}
CHANGED = BranchChanged(key=Key(repository="Acme/todo", branch="feature/new-login"), default_branch="main")
JSON_TYPE = {"content-type": "application/json"}


def delivered(event: str, **payload: object) -> BranchChanged | Ignored | Ping:
    headers = {"X-GitHub-Event": event, "Content-Type": "application/json"}
    return parse(headers, json.dumps({"repository": REPOSITORY} | payload).encode())


@pytest.mark.parametrize("event", ["create", "delete"])
def test_a_branch_that_is_created_or_deleted_changed(event: str) -> None:
    assert delivered(event, ref_type="branch", ref="feature/new-login") == CHANGED


@pytest.mark.parametrize("deleted", [True, False])
def test_a_branch_that_is_pushed_to_changed_whether_or_not_the_push_deletes_it(deleted: bool) -> None:
    assert delivered("push", ref="refs/heads/feature/new-login", deleted=deleted) == CHANGED


def test_a_branch_may_be_called_like_a_full_ref() -> None:
    event = delivered("create", ref_type="branch", ref="refs/heads/x")

    assert isinstance(event, BranchChanged)
    assert event.key.branch == "refs/heads/x"


@given(branch=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=250))
def test_the_branch_is_kept_as_it_is_written(branch: str) -> None:
    for event in (
        delivered("push", ref=f"refs/heads/{branch}"),
        delivered("delete", ref_type="branch", ref=branch),
    ):
        assert isinstance(event, BranchChanged)
        assert event.key.branch == branch


@pytest.mark.parametrize(
    ("event", "payload", "why"),
    [
        ("create", {"ref_type": "tag", "ref": "v1"}, "This is about a 'tag', not a branch."),
        ("delete", {"ref_type": "tag", "ref": "v1"}, "This is about a 'tag', not a branch."),
        ("create", {"ref_type": "repository", "ref": None}, "This is about a 'repository', not a branch."),
        ("push", {"ref": "refs/tags/v1"}, "'refs/tags/v1' is not a branch."),
        ("push", {"ref": "refs/notes/commits"}, "'refs/notes/commits' is not a branch."),
        ("issues", {"action": "opened"}, "No environment depends on the event 'issues'."),
        ("PUSH", {"ref": "refs/heads/x"}, "No environment depends on the event 'PUSH'."),
    ],
)
def test_whatever_else_happens_is_ignored_with_the_reason(
    event: str, payload: dict[str, object], why: str
) -> None:
    assert delivered(event, **payload) == Ignored(repository="Acme/todo", why=why)


def test_a_ping_belongs_to_a_repository_or_to_none() -> None:
    assert delivered("ping", zen="Keep it logically awesome.") == Ping(repository="Acme/todo")
    assert delivered("ping", repository=None) == Ping(repository=None)


def test_an_event_of_an_organisation_is_ignored_though_it_names_no_repository() -> None:
    event = parse({"X-GitHub-Event": "membership"} | JSON_TYPE, b"{}")

    assert event == Ignored(repository=None, why="No environment depends on the event 'membership'.")


def test_a_payload_without_a_default_branch_leaves_it_unknown() -> None:
    event = delivered("push", ref="refs/heads/x", repository={"full_name": "a/b"})

    assert event == BranchChanged(key=Key(repository="a/b", branch="x"), default_branch=None)


@pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
def test_json_is_known_by_its_content_type(name: str, content_type: str) -> None:
    body = json.dumps({"ref": "refs/heads/feature/new-login", "repository": REPOSITORY}).encode()

    assert parse({name: content_type, "X-GITHUB-EVENT": "push"}, body) == CHANGED


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"],
)
@given(branch=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_a_form_carries_the_same_payload(content_type: str, branch: str) -> None:
    payload = json.dumps({"ref": f"refs/heads/{branch}", "repository": REPOSITORY}, ensure_ascii=False)

    event = parse(
        {"x-github-event": "push", "content-type": content_type}, urlencode({"payload": payload}).encode()
    )

    assert event == BranchChanged(key=Key(repository="Acme/todo", branch=branch), default_branch="main")


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        ('{"repository": {}}'.encode("utf-16"), "not JSON"),
        (b'\xef\xbb\xbf{"repository": {}}', "not JSON"),
        (b'{"ref": NaN}', "NaN is no number"),
        (b'{"ref": -Infinity}', "-Infinity is no number"),
        (b'{"ref": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"[]", "not an object"),
        (b'"push"', "not an object"),
        (b'{"repository": []}', "repository is not an object"),
        (b'{"repository": "Acme/todo"}', "repository is not an object"),
        (b'{"repository": {}}', "full_name is missing"),
        (b'{"repository": {"full_name": 7}}', "full_name is missing"),
        (b"{}", "ref is missing"),
        (b'{"ref": ["refs/heads/x"]}', "ref is missing"),
        (b'{"ref": "refs/heads/x"}', "names no repository"),
        (
            b'{"ref": "refs/heads/x", "repository": {"full_name": "a/b", "default_branch": 7}}',
            "default_branch",
        ),
        (b'{"ref": "refs/heads/", "repository": {"full_name": "a/b"}}', "branch is empty"),
        (b'{"ref": "refs/heads/x", "repository": {"full_name": ""}}', "repository is empty"),
        (b'{"ref": "refs/heads/\\ud800", "repository": {"full_name": "a/b"}}', "lone surrogate"),
        (b'{"ref": "refs/heads/' + b"x" * 50_000 + b'", "repository": {"full_name": "a/b"}}', "has room for"),
    ],
)
def test_a_payload_that_github_would_not_send_is_malformed(body: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse({"X-GitHub-Event": "push"} | JSON_TYPE, body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "0 fields called payload"),
        (b"payload", "not JSON"),
        (b"payload=", "not JSON"),
        (b"payload=%FF", "not a form"),
        (b"\xff", "not a form"),
        (b"payload={}&payload={}", "2 fields called payload"),
        (b"a=1&" * 50 + b"payload={}", "not a form"),
        (b"{}", "0 fields called payload"),
        (b"payload=%5B%5D", "not an object"),
    ],
)
def test_a_form_without_one_readable_payload_is_malformed(body: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse({"X-GitHub-Event": "push", "Content-Type": "application/x-www-form-urlencoded"}, body)


@pytest.mark.parametrize("headers", [JSON_TYPE, JSON_TYPE | {"X-GitHub-Event": ""}])
def test_a_delivery_that_does_not_say_what_happened_is_malformed(headers: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="X-GitHub-Event is missing"):
        parse(headers, b"{}")


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/xml", "application/jsonp", ";", "\ud800"]
)
def test_another_content_type_is_malformed_and_the_message_names_the_two(content_type: str) -> None:
    with pytest.raises(Malformed, match=r"set the webhook's to application/json or application/x-www-form"):
        parse({"X-GitHub-Event": "push", "Content-Type": content_type}, b"{}")


NAMES = st.sampled_from(
    ["ref", "ref_type", "repository", "full_name", "default_branch", "branch", "refs/heads/x"]
)
PAYLOADS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner),
    max_leaves=8,
)
BODIES = st.one_of(
    st.binary(),
    PAYLOADS.map(lambda payload: json.dumps(payload).encode()),
    PAYLOADS.map(lambda payload: urlencode({"payload": json.dumps(payload)}).encode()),
    st.binary().map(lambda noise: b"payload=" + noise),
)
CONTENT_TYPES = st.sampled_from(["application/json", "application/x-www-form-urlencoded"]) | st.text()


@given(
    event=st.sampled_from(["push", "create", "delete", "ping"]) | st.text(),
    content_type=CONTENT_TYPES,
    more=st.dictionaries(st.text(), st.text(), max_size=3),
    body=BODIES,
)
def test_no_delivery_raises_anything_but_malformed(
    event: str, content_type: str, more: dict[str, str], body: bytes
) -> None:
    with contextlib.suppress(Malformed):
        parsed = parse(more | {"x-github-event": event, "content-type": content_type}, body)

        if isinstance(parsed, BranchChanged):
            assert parsed.key.to_message().encode()
