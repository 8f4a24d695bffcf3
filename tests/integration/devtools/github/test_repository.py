"""The bare repository behind the emulator."""

import subprocess
from pathlib import Path

import pytest

from devtools.emulators.github.git import GitError, environment
from devtools.emulators.github.repository import Repository, create


def run(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env=environment(), check=True, capture_output=True)


def test_equal_folders_make_equal_commits(tmp_path: Path, seed: Path) -> None:
    one, other = (create(tmp_path / name, seed) for name in ("one.git", "other.git"))
    assert one.branches() == other.branches() != {}


def test_every_file_of_the_folder_is_committed_even_what_git_would_ignore(tmp_path: Path, seed: Path) -> None:
    (seed / ".gitignore").write_text("*.md\n")
    repository = create(tmp_path / "one.git", seed)
    names = [entry.path for entry in repository.folder(repository.branches()["main"], "")]
    assert names == [".gitignore", "README.md", "manifests"]


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path, seed: Path) -> None:
    with pytest.raises(GitError, match="not empty"):
        create(seed, seed)


def test_a_push_brings_a_branch_in_and_takes_it_away(tmp_path: Path, repository: Repository) -> None:
    run(tmp_path, "clone", str(repository.path), "clone")
    clone = tmp_path / "clone"
    run(clone, "switch", "--create", "feature/new-login")
    run(clone, "commit", "--allow-empty", "--message", "A change")
    run(clone, "push", "origin", "feature/new-login")
    assert list(repository.branches()) == ["feature/new-login", "main"]
    run(clone, "push", "origin", "--delete", "feature/new-login")
    assert repository.head("feature/new-login") is None


def test_a_commit_writes_and_deletes_files(repository: Repository) -> None:
    sha = repository.commit("feature/a", {"new/file": b"\0", "README.md": None}, "A change")
    entry = repository.entry(sha, "new/file")
    assert entry is not None
    assert repository.content(entry.sha) == b"\0"
    assert repository.entry(sha, "README.md") is None


def test_a_branch_that_moved_is_not_written(repository: Repository) -> None:
    before = repository.head("main")
    repository.commit("main", {"a": b"1"}, "First")
    with pytest.raises(GitError):
        repository.commit("main", {"a": b"2"}, "Second", onto=before)


def test_a_rename_is_seen_by_whoever_opens_the_repository(repository: Repository) -> None:
    sha = repository.commit("feature/old", {"a": b"1"}, "A change")
    repository.rename("feature/old", "feature/new")
    again = Repository(path=repository.path)
    assert (again.head("feature/old"), again.head("feature/new")) == (None, sha)
    assert again.renamed_to("feature/old") == "feature/new"
    with pytest.raises(GitError, match="no branch 'feature/old'"):
        repository.rename("feature/old", "feature/newer")


def test_the_machines_git_configuration_has_no_say(
    tmp_path: Path, seed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = create(tmp_path / "plain.git", seed).branches()
    (tmp_path / ".gitconfig").write_text("[core]\n\tautocrlf = true\n[user]\n\tname = Someone\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Someone Else")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert create(tmp_path / "configured.git", seed).branches() == plain
