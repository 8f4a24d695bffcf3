"""Files over the REST API, through PyGithub."""

from typing import Any

import pytest
from github import GithubException, UnknownObjectException

FILE = "manifests/base/deployment.yaml"


def test_a_file_is_read_at_a_branch_or_at_a_commit(github: Any) -> None:
    first = github.repository.head("main")
    github.repository.commit("main", {FILE: b"kind: Job\n"}, "Another kind")
    assert github.repo.get_contents(FILE).decoded_content == b"kind: Job\n"
    assert github.repo.get_contents(FILE, ref=first).decoded_content == b"kind: Deployment\n"


def test_a_folder_is_a_list(github: Any) -> None:
    listed = github.repo.get_contents("")
    assert [(item.path, item.type) for item in listed] == [("README.md", "file"), ("manifests", "dir")]
    assert [item.path for item in github.repo.get_contents("manifests/base")] == [FILE]


@pytest.mark.parametrize(("path", "ref"), [("missing", "main"), (FILE, "feature/unknown")])
def test_what_is_not_there_is_not_found(github: Any, path: str, ref: str) -> None:
    # PyGithub has UnknownObjectException for "Not Found" alone: the status is what to look at.
    with pytest.raises(GithubException) as error:
        github.repo.get_contents(path, ref=ref)
    assert error.value.status == 404


def test_writing_a_file_makes_a_commit_on_the_branch(github: Any) -> None:
    repo, before = github.repo, github.repository.head("main")
    written = repo.update_file(FILE, "Sleep", "replicas: 0\n", repo.get_contents(FILE).sha, branch="main")
    commit = github.repository.describe(github.repository.head("main"))
    assert (commit.sha, commit.message, commit.parents) == (written["commit"].sha, "Sleep", (before,))
    assert repo.get_contents(FILE).decoded_content == b"replicas: 0\n"
    assert repo.get_contents("README.md").decoded_content == b"# todo-app\n"


def test_a_file_that_changed_meanwhile_is_not_overwritten(github: Any) -> None:
    stale = github.repo.get_contents(FILE).sha
    github.repository.commit("main", {FILE: b"kind: Job\n"}, "Another kind")
    with pytest.raises(GithubException, match="does not match") as error:
        github.repo.update_file(FILE, "Sleep", "replicas: 0\n", stale, branch="main")
    assert error.value.status == 409


def test_a_new_file_needs_no_sha_and_a_standing_one_does(github: Any) -> None:
    github.repo.create_file("schedule.yaml", "A schedule", "on: 7\n", branch="main")
    with pytest.raises(GithubException, match="wasn't supplied") as error:
        github.repo.create_file("schedule.yaml", "A schedule", "on: 8\n", branch="main")
    assert error.value.status == 422
    assert [exchange.status for exchange in github.emulator.requests if exchange.method == "PUT"] == [
        201,
        422,
    ]


def test_a_branch_that_is_not_there_cannot_be_written(github: Any) -> None:
    with pytest.raises(UnknownObjectException, match="feature/unknown not found"):
        github.repo.create_file("a", "m", "c", branch="feature/unknown")
