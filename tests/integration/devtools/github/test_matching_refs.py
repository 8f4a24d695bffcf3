"""Refs by the beginning of their names: https://docs.github.com/rest/git/refs#list-matching-references."""

from collections.abc import Callable

import httpx
import pytest
from github import GithubException

from devtools.emulators.github.git import git
from devtools.emulators.github.protection import protect
from tests.integration.devtools.github.conftest import TOKEN, GitHub


def matching(github: GitHub, start: str) -> list[tuple[str, str, str]]:
    refs = github.repo.get_git_matching_refs(start)
    return [(ref.ref, ref.object.type, ref.object.sha) for ref in refs]


def test_refs_are_listed_by_the_beginning_of_their_names(github: GitHub) -> None:
    head = github.repository.head("main")
    for name in ("feature/a", "feature/a-2", "feature/b", "renamed"):
        git(github.repository.path, "update-ref", f"refs/heads/{name}", str(head))
    git(github.repository.path, "tag", "--annotate", "v1", "-m", "First", str(head))
    tag = git(github.repository.path, "rev-parse", "v1").decode().strip()
    github.repository.rename("renamed", "other")
    protect(github.repository, "main")

    assert matching(github, "heads/feature/a") == [
        ("refs/heads/feature/a", "commit", head),
        ("refs/heads/feature/a-2", "commit", head),
    ]
    assert [ref for ref, _, _ in matching(github, "heads/feature")] == [
        "refs/heads/feature/a",
        "refs/heads/feature/a-2",
        "refs/heads/feature/b",
    ]
    assert matching(github, "tags/v") == [("refs/tags/v1", "tag", tag)]
    assert matching(github, "heads/renamed") == []  # neither redirected nor 404
    assert [ref for ref, _, _ in matching(github, "") if "heads" not in ref] == ["refs/tags/v1"]


def test_all_matching_refs_are_on_one_page(github: GitHub) -> None:
    head = github.repository.head("main")
    lines = "".join(f"create refs/heads/feature/{number} {head}\n" for number in range(150))
    git(github.repository.path, "update-ref", "--stdin", stdin=lines.encode())
    where = f"{github.url}/repos/acme/todo-app/git/matching-refs/heads/feature/"
    answer = httpx.get(where, params={"per_page": 1}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert len(answer.json()) == 150
    assert "link" not in answer.headers


def of_main(github: GitHub) -> None:
    github.repo.get_git_ref("heads/main")


def of_all(github: GitHub) -> None:
    matching(github, "heads/")


@pytest.mark.parametrize("ask", [of_main, of_all])
def test_an_empty_repository_is_a_conflict_and_no_missing_ref(
    github: GitHub, ask: Callable[[GitHub], None]
) -> None:
    github.repository.delete("main")
    with pytest.raises(GithubException) as refused:
        ask(github)
    assert (refused.value.status, refused.value.data["message"]) == (409, "Git Repository is empty.")


def test_refs_are_listed_only_to_who_may_read_them(github: GitHub) -> None:
    where = f"{github.url}/repos/acme/todo-app/git/matching-refs/heads/main"
    assert httpx.get(where, headers={"Authorization": "Bearer wrong"}).status_code == 401
