"""The commit of one branch, and what it takes to know that there is no such branch."""

import pytest

from coppice.reconciler.errors import Conflict, Forbidden, Gone, Unreachable
from devtools.emulators.emulator import Failure as Fail
from tests.integration.adapters.raw import Answer, Asked, json_reply, raw_server, reply
from tests.integration.adapters.worlds import GitHub, repository_at

HERE = "/repos/acme/todo-app"
REF, REFS = f"{HERE}/git/ref/heads/", f"{HERE}/git/matching-refs/heads"
NAMES = [
    "feature/new-login",
    "feature/a/b/c",
    "100%",
    "a%2Fb",
    'x";drop-database;--',
    "it's",
    "größe/日本",
    "a#b",
    "a&b=c",
    "a+b",
    "-dash",
]


def asked(github: GitHub) -> list[str]:
    return [each.path for each in github.emulator.requests]


@pytest.mark.parametrize("branch", NAMES)
def test_a_branch_is_found_whatever_git_lets_it_be_called(github: GitHub, branch: str) -> None:
    assert github.repository.head(branch) is None
    commit = github.git.commit(branch, {"new.txt": b"1"}, "more")
    github.git.commit(f"{branch}-2", {"new.txt": b"2"}, "a longer name")
    assert github.repository.head(branch) == commit
    assert github.repository.heads()[branch] == commit
    github.git.delete(branch)
    assert github.repository.head(branch) is None


def test_a_branch_that_exists_takes_one_call_and_one_that_does_not_takes_two(github: GitHub) -> None:
    assert github.repository.head("main") == github.main
    assert github.repository.head("feature/never") is None
    assert asked(github) == [f"{REF}main", f"{REF}feature/never", REFS]


@pytest.mark.parametrize(
    "branch", ["feature/never", "a?b", "feature", "featur", "main/", "Main", "heads/main"]
)
def test_a_branch_that_does_not_exist_has_no_head(github: GitHub, branch: str) -> None:
    for name in ("a", "feature/x", "feature/y"):
        github.git.commit(name, {"new.txt": b"1"}, "more")
    assert github.repository.head(branch) is None


def test_a_tag_is_no_branch(github: GitHub) -> None:
    github.git._git("update-ref", "refs/tags/v1", github.main)
    assert github.repository.head("v1") is None


def test_a_branch_is_told_from_hundreds_with_longer_names(github: GitHub) -> None:
    names = ["feature/1", *(f"feature/1{number:03}" for number in range(300))]
    lines = [f"create refs/heads/{name} {github.main}\n" for name in names]
    github.git._git("update-ref", "--stdin", stdin="".join(lines).encode())
    assert github.repository.head("feature/1") == github.main
    github.git.delete("feature/1")
    assert github.repository.head("feature/1") is None


def test_a_branch_that_was_renamed_does_not_exist_under_its_former_name(github: GitHub) -> None:
    commit = github.git.commit("feature/old", {"a": b"1"}, "a")
    github.git.rename("feature/old", "feature/new")
    assert github.repository.head("feature/old") is None
    assert github.repository.head("feature/new") == commit


def test_the_ref_of_another_branch_is_no_answer_about_this_one() -> None:
    other = {"ref": "refs/heads/new", "object": {"sha": "1"}}

    def answer(asked: Asked) -> Answer:
        return json_reply(200, [other] if "matching-refs" in asked.target else other)

    with raw_server(answer) as server:
        assert repository_at(server.url).head("old") is None
        assert repository_at(server.url).head("new") == "1"


def test_a_branch_is_not_absent_while_it_is_listed(github: GitHub) -> None:
    github.emulator.fail(Fail(status=404, path_prefix=REF))
    assert github.repository.head("main") == github.main

    github.emulator.fail(Fail(status=404, path_prefix=REF, times=3))
    with pytest.raises(Unreachable, match="stands, and that it does not"):
        github.repository.head("main")


def test_a_branch_is_not_absent_in_a_repository_that_can_no_longer_be_read(github: GitHub) -> None:
    assert github.repository.default_branch() == "main"
    github.emulator.fail(Fail(status=404, times=3))
    with pytest.raises(Gone, match="read repository acme/todo-app"):
        github.repository.head("main")


def test_a_branch_is_not_absent_where_no_ref_is_shown(github: GitHub) -> None:
    github.git.commit("feature/x", {"a": b"1"}, "a")
    github.emulator.fail(Fail(status=404, path_prefix=f"{HERE}/git/", times=2))
    with pytest.raises(Forbidden, match=r"not its branches.*contents: read"):
        github.repository.head("feature/x")


@pytest.mark.parametrize("prefix", [REF, REFS])
def test_a_branch_is_not_absent_where_refs_may_not_be_read(github: GitHub, prefix: str) -> None:
    github.emulator.fail(Fail(status=403, path_prefix=prefix))
    with pytest.raises(Forbidden, match="contents: read"):
        github.repository.head("feature/never")


def test_in_an_empty_repository_no_branch_is_absent(github: GitHub) -> None:
    """GitHub says the same of one whose Git database is unavailable."""
    github.git.delete("main")
    with pytest.raises(Conflict, match="Git Repository is empty"):
        github.repository.head("feature/x")
    assert asked(github) == [f"{REF}feature/x"]


LISTED = {"ref": "refs/heads/main", "object": {"sha": "2"}}


@pytest.mark.parametrize(
    "listed",
    [
        reply(200),
        reply(204),
        json_reply(200, None),
        json_reply(200, {}),
        json_reply(200, {"message": "hello"}),
        json_reply(200, LISTED),
        json_reply(200, []),
        json_reply(200, [{"ref": "refs/tags/v1", "object": {"sha": "1"}}]),
        json_reply(200, [LISTED, "refs/heads/feature/x-3"]),
        json_reply(200, [LISTED, {"object": {"sha": "3"}}]),
        json_reply(200, [LISTED, {"ref": None}]),
        reply(200, b"[]", length=50),
        reply(200, b"<html></html>", type_="text/html"),
        reply(404, b"<html></html>", type_="text/html"),
        json_reply(404, {}),
        json_reply(301, {}),
        json_reply(500, {"message": "no"}),
    ],
)
def test_a_list_of_refs_that_is_none_proves_nothing(listed: bytes) -> None:
    def answer(asked: Asked) -> Answer:
        return listed if "matching-refs" in asked.target else json_reply(404, {"message": "Not Found"})

    with raw_server(answer) as server, pytest.raises(Unreachable):
        repository_at(server.url).head("feature/x")


@pytest.mark.parametrize(
    "second",
    [json_reply(200, [{"ref": "refs/heads/feature/x"}]), json_reply(200, {}), json_reply(404, [])],
)
def test_a_list_of_refs_is_read_to_its_last_page(second: bytes) -> None:
    def answer(asked: Asked) -> Answer:
        if "page=2" in asked.target:
            return second
        link = f'<{server.url}{REFS}?page=2>; rel="next"'
        listed = json_reply(200, [LISTED], Link=link)
        return listed if "matching-refs" in asked.target else json_reply(404, {"message": "Not Found"})

    with raw_server(answer) as server, pytest.raises(Unreachable):
        repository_at(server.url).head("feature/x")


def test_no_branch_is_taken_for_absent_when_the_token_is_refused(github: GitHub) -> None:
    github.emulator.fail(Fail(status=401))
    with pytest.raises(Forbidden, match="GITHUB_TOKEN"):
        github.repository.head("feature/never")
