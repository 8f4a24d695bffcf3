from pathlib import Path

import pytest

from devtools.demo.clone import Clone, clone
from devtools.emulators.github.git import GitError
from devtools.emulators.github.repository import Repository, create


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    seed = tmp_path / "seed"
    seed.mkdir()
    (seed / "file").write_text("one\n")
    return create(tmp_path / "bare.git", seed)


@pytest.fixture
def cloned(repository: Repository, tmp_path: Path) -> Clone:
    return clone(repository.path, tmp_path / "clone")


@pytest.mark.parametrize("name", ["feature/x", 'x";drop-database;--', "$(reboot)", "ümlaut"])
def test_a_branch_is_made_from_the_default_branch_and_pushed(
    cloned: Clone, repository: Repository, name: str
) -> None:
    cloned.branch(name)
    cloned.push(name)
    assert repository.head(name) == repository.head("main")


def test_a_commit_adds_changes_and_deletes_files(cloned: Clone, repository: Repository) -> None:
    cloned.branch("x")
    cloned.commit({"file": None, "folder/new": "two\n"}, "Change")
    cloned.push("x")
    sha = repository.head("x")
    assert sha is not None
    assert repository.entry(sha, "file") is None
    assert cloned.read("folder/new") == "two\n"


def test_a_branch_that_was_left_is_found_again_as_it_was(cloned: Clone) -> None:
    cloned.branch("x")
    first = cloned.commit({"file": "two\n"}, "Change")
    cloned.branch("y")
    assert cloned.read("file") == "one\n"
    cloned.branch("x")
    assert cloned.commit({}, "Nothing") != first
    assert cloned.read("file") == "two\n"


def test_a_forgotten_branch_starts_anew(cloned: Clone) -> None:
    cloned.branch("x")
    cloned.commit({"file": "two\n"}, "Change")
    cloned.push("x")
    cloned.forget()
    cloned.branch("x")
    assert cloned.read("file") == "one\n"


def test_what_git_refuses_is_said(cloned: Clone) -> None:
    with pytest.raises(GitError, match="not a valid"):
        cloned.branch("no..name")
