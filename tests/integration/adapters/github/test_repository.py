"""The repository through PyGithub: what stands, what does not, and what could not be told."""

import io
import tarfile

import pytest

from adapters.github.connections import Connections
from adapters.github.repository import RepositoryAdapter
from coppice.manifests.archive import unpack
from coppice.manifests.rejection import Rejection
from coppice.reconciler.errors import Gone, Throttled, Unreachable
from tests.integration.adapters.raw import Answer, Asked, json_reply, raw_server, reply
from tests.integration.adapters.worlds import TOKEN, GitHub, repository_at

BRANCHES = "/repos/acme/todo-app/branches"


def test_the_default_branch_is_the_repositorys_own_word(github: GitHub) -> None:
    assert github.repository.default_branch() == "main"


def test_a_repository_that_the_token_may_not_see_is_a_failure_to_read_its_default_branch(
    github: GitHub,
) -> None:
    hidden = RepositoryAdapter(Connections(url=github.url, token=TOKEN), "acme/hidden")
    with pytest.raises(Gone, match="acme/hidden"):
        hidden.default_branch()


def test_branches_are_listed_over_all_pages(github: GitHub) -> None:
    head = github.main
    lines = [f"create refs/heads/feature/{number:03} {head}\n" for number in range(150)]
    github.git._git("update-ref", "--stdin", stdin="".join(lines).encode())
    heads = github.repository.heads()
    assert len(heads) == 151
    assert set(heads.values()) == {head}
    pages = [each for each in github.emulator.requests if each.path == BRANCHES]
    assert len(pages) == 2


@pytest.mark.parametrize(
    "second",
    [
        reply(200),
        reply(204),
        json_reply(200, None),
        json_reply(200, {}),
        json_reply(200, {"message": "hello"}),
        json_reply(200, [{"name": "b"}]),
        json_reply(200, [{"name": "b", "commit": {}}]),
        json_reply(200, [{"name": "b", "commit": {"sha": None}}]),
        json_reply(200, [{"name": 5, "commit": {"sha": "1"}}]),
        json_reply(200, ["b"]),
        json_reply(500, {"message": "no"}),
    ],
)
def test_a_page_that_is_none_is_a_failure_and_never_a_shorter_list(second: bytes) -> None:
    def answer(asked: Asked) -> Answer:
        if "page=2" in asked.target:
            return second
        link = f'<{server.url}{BRANCHES}?per_page=100&page=2>; rel="next"'
        return json_reply(200, [{"name": "a", "commit": {"sha": "1"}}], Link=link)

    with raw_server(answer) as server, pytest.raises(Unreachable):
        repository_at(server.url).heads()


def test_the_pages_of_a_repository_that_was_renamed_come_to_an_end() -> None:
    moved = "/repositories/1/branches"

    def answer(asked: Asked) -> Answer:
        if asked.target.startswith(BRANCHES):
            return json_reply(301, {}, Location=f"{server.url}{moved}?per_page=100")
        if "page=2" in asked.target:
            return json_reply(200, [{"name": "b", "commit": {"sha": "2"}}])
        link = f'<{server.url}{moved}?page=2>; rel="next", <{server.url}{moved}?page=2>; rel="last"'
        return json_reply(200, [{"name": "a", "commit": {"sha": "1"}}], Link=link)

    with raw_server(answer) as server:
        assert repository_at(server.url).heads() == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "answer",
    [
        json_reply(500, {"message": 5, "errors": "x"}),
        json_reply(502, ["a"]),
        json_reply(503, "text"),
        json_reply(404, []),
        json_reply(404, {"error": "x"}),
        json_reply(200, {}),
        json_reply(200, {"ref": "refs/heads/main"}),
        json_reply(200, {"ref": "refs/heads/main", "object": {}}),
        json_reply(200, {"ref": "refs/heads/main", "object": {"sha": 5}}),
        json_reply(200, {"ref": ["refs/heads/main"], "object": "x"}),
        json_reply(200, {"ref": "refs/heads/other", "object": {"sha": "1"}}),
        json_reply(200, {"default_branch": 5}),
        json_reply(200, {"default_branch": ""}),
        json_reply(200, {"ref": "refs/heads/main", "object": {"sha": "1"}}, X_RateLimit_Reset="inf"),
        json_reply(301, {}),
        json_reply(301, {}, Location="http://elsewhere.invalid/x"),
        json_reply(301, {}, Location="https://127.0.0.1/x"),
        json_reply(302, {}, Location="/x"),
    ],
)
def test_json_of_another_shape_is_no_answer(answer: bytes) -> None:
    with raw_server(lambda _: answer) as server:
        repository = repository_at(server.url)
        for call in (repository.default_branch, lambda: repository.head("main"), repository.heads):
            with pytest.raises(Unreachable):
                call()


def test_the_archive_is_that_of_the_commit_and_not_of_the_branch(github: GitHub) -> None:
    before = github.main
    github.git.commit("main", {"manifests/web.yaml": b"kind: Other\n"}, "later")
    assert unpack(github.repository.archive(before), under="manifests") == {
        "manifests/web.yaml": b"kind: Deployment\n"
    }


def test_the_archive_of_a_commit_that_is_not_there_is_gone(github: GitHub) -> None:
    with pytest.raises(Gone, match="archive of ffffff"):
        github.repository.archive("f" * 40)


def test_an_archive_that_is_too_large_is_refused_with_its_limit(github: GitHub) -> None:
    with pytest.raises(Rejection, match="has more than 100 bytes"):
        repository_at(github.url, most=100).archive(github.main)


def test_the_token_does_not_travel_to_where_the_archive_lies() -> None:
    def answer(asked: Asked) -> Answer:
        if "tarball" in asked.target:
            return reply(302, Location=f"{server.url}/files/x")
        return reply(200, _tar(), type_="application/x-gzip")

    with raw_server(answer) as server:
        assert repository_at(server.url).archive("abc") == _tar()
    first, second = server.asked
    assert "authorization" in first.headers
    assert "authorization" not in second.headers


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(200, b"<html>Sign in</html>", type_="text/html"), Unreachable),
        (reply(200, b""), Unreachable),
        (reply(200, b"\x1f\x8bhalf", length=500), Unreachable),
        (reply(404, b"404: Not Found"), Gone),
        (reply(403), Unreachable),
        (reply(429), Throttled),
        (reply(500), Unreachable),
    ],
)
def test_an_archive_that_does_not_come_is_not_held_against_the_branch(
    answer: bytes, kind: type[Exception]
) -> None:
    def redirected(asked: Asked) -> Answer:
        return reply(302, Location=f"{server.url}/files/x") if "tarball" in asked.target else answer

    with raw_server(redirected) as server, pytest.raises(kind):
        repository_at(server.url).archive("abc")


def _tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz"):
        pass
    return packed.getvalue()
