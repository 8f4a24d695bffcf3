"""Commits of several files over Git's own objects, by the program's adapter and by PyGithub alone."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from github import GithubException, InputGitTreeElement

from adapters.github.connections import Connections
from adapters.github.flags import FlagAdapter
from coppice.reconciler.errors import Conflict, Forbidden
from devtools.demo.processes import started
from devtools.emulators.github.app import github_app
from devtools.emulators.github.git import environment
from devtools.emulators.github.protection import CLASSIC, RULESET, protect, unprotect
from devtools.emulators.github.repository import Repository, create
from devtools.emulators.serving import serving
from scheduler.flags import Commit
from tests.integration.devtools.github.conftest import TOKEN, GitHub

GLOBALS = "sources/values/dev/globals.yaml"


@pytest.fixture
def flags(github: GitHub) -> FlagAdapter:
    return adapter(github.url)


def adapter(url: str) -> FlagAdapter:
    return FlagAdapter(Connections(url=url, token=TOKEN))


def commit_of(
    files: dict[str, str], parent: str | None, *, repository: str = "acme/todo-app", branch: str = "main"
) -> Commit:
    return Commit(
        repository=repository, branch=branch, parent=str(parent), files=files, message="Put dev to sleep"
    )


def test_files_that_change_together_are_one_commit_on_top_of_the_one_they_were_read_at(
    github: GitHub, flags: FlagAdapter
) -> None:
    before = flags.head("acme/todo-app", "main")

    flags.commit(commit_of({GLOBALS: "state: off\n", "README.md": "# asleep — öö\n"}, before))

    after = flags.head("acme/todo-app", "main")
    assert after is not None
    made = github.repository.describe(after)
    assert made.parents == (before,)
    assert made.message == "Put dev to sleep"
    assert flags.file("acme/todo-app", after, GLOBALS) == "state: off\n"
    assert flags.file("acme/todo-app", after, "README.md") == "# asleep — öö\n"
    kept = flags.file("acme/todo-app", after, "manifests/base/deployment.yaml")
    assert kept == "kind: Deployment\n"


def test_the_commit_is_one_that_git_can_clone_and_finds_sound(
    github: GitHub, flags: FlagAdapter, tmp_path: Path
) -> None:
    flags.commit(commit_of({GLOBALS: "state: off\n"}, flags.head("acme/todo-app", "main")))

    for command in (
        ["git", "clone", "--quiet", str(github.repository.path), str(tmp_path / "clone")],
        ["git", "-C", str(tmp_path / "clone"), "fsck", "--strict"],
    ):
        subprocess.run(command, check=True, env=environment())
    assert (tmp_path / "clone" / GLOBALS).read_text() == "state: off\n"


def test_who_comes_second_is_told_that_the_branch_has_moved_on(github: GitHub, flags: FlagAdapter) -> None:
    before = flags.head("acme/todo-app", "main")
    first = github.repository.commit("main", {"README.md": b"# changed\n"}, "Somebody else's")

    with pytest.raises(Conflict, match="moved on"):
        flags.commit(commit_of({GLOBALS: "state: off\n"}, before))

    assert flags.head("acme/todo-app", "main") == first


def test_a_branch_can_be_protected_and_freed_while_it_is_served(github: GitHub, flags: FlagAdapter) -> None:
    before = flags.head("acme/todo-app", "main")
    protect(github.repository, "main")

    with pytest.raises(Forbidden, match="protected"):
        flags.commit(commit_of({GLOBALS: "state: off\n"}, before))

    assert flags.head("acme/todo-app", "main") == before
    assert github.repo.get_branch("main").protected
    unprotect(github.repository, "main")
    flags.commit(commit_of({GLOBALS: "state: off\n"}, before))
    assert flags.head("acme/todo-app", "main") != before


@pytest.mark.parametrize("says", [RULESET, CLASSIC])
def test_a_protected_branch_refuses_in_the_words_of_its_rule(github: GitHub, says: str) -> None:
    protect(github.repository, "main", says=says)
    head = github.repo.get_git_commit(str(github.repository.head("main")))
    made = github.repo.create_git_commit("Empty", head.tree, [head])

    with pytest.raises(GithubException) as moved:
        github.repo.get_git_ref("heads/main").edit(made.sha)
    with pytest.raises(GithubException) as written:
        github.repo.create_file("new.txt", "New", "new\n", branch="main")

    assert (moved.value.status, moved.value.data["message"]) == (422, says)
    assert (written.value.status, written.value.data["message"]) == (409, says)


def test_a_branch_goes_back_only_by_force(github: GitHub) -> None:
    first = str(github.repository.head("main"))
    second = github.repository.commit("main", {"README.md": b"# changed\n"}, "Second")
    ref = github.repo.get_git_ref("heads/main")

    with pytest.raises(GithubException, match="not a fast forward"):
        ref.edit(first, force=False)
    assert github.repository.head("main") == second

    ref.edit(first, force=True)
    assert github.repository.head("main") == first


def of_no_branch(github: GitHub) -> None:
    github.repo.get_git_ref("heads/feature/none")


def to_no_commit(github: GitHub) -> None:
    github.repo.get_git_ref("heads/main").edit("0" * 40)


def no_commit(github: GitHub) -> None:
    github.repo.get_git_commit("0" * 40)


def upwards(github: GitHub) -> None:
    github.repo.create_git_tree([InputGitTreeElement("../a", "100644", "blob", content="a")])


@pytest.mark.parametrize(
    ("ask", "status", "message"),
    [
        (of_no_branch, 404, "Not Found"),
        (to_no_commit, 422, "Object does not exist"),
        (no_commit, 404, "Not Found"),
        (upwards, 422, "malformed path component"),
    ],
)
def test_what_does_not_exist_is_refused_as_github_does(
    github: GitHub, ask: Callable[[GitHub], None], status: int, message: str
) -> None:
    with pytest.raises(GithubException) as refused:
        ask(github)

    assert refused.value.status == status
    assert message in refused.value.data["message"]


def test_a_ref_moves_only_under_the_address_that_it_gives_itself(github: GitHub) -> None:
    """`get_git_ref` asks at `/git/ref/…`, where nothing can be changed: what was not fetched cannot move."""
    head = str(github.repository.head("main"))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    here = f"{github.url}/repos/acme/todo-app/git"

    singular = httpx.patch(f"{here}/ref/heads/main", json={"sha": head}, headers=headers)
    unknown = httpx.patch(f"{here}/refs/heads/none", json={"sha": head}, headers=headers)

    assert singular.status_code == 404
    assert (unknown.status_code, unknown.json()["message"]) == (422, "Reference does not exist")


def test_a_file_is_deleted_by_an_entry_without_content(github: GitHub) -> None:
    head = github.repo.get_git_commit(str(github.repository.head("main")))

    tree = github.repo.create_git_tree(
        [InputGitTreeElement("README.md", "100644", "blob", sha=None)], head.tree
    )

    assert [entry.path for entry in tree.tree] == ["manifests"]


def test_another_repository_is_served_beside_the_first(
    repository: Repository, seed: Path, tmp_path: Path
) -> None:
    other = create(tmp_path / "gitops.git", seed, full_name="acme/gitops")
    first = repository.head("main")

    with serving(github_app(repository, other, token=TOKEN)) as url:
        flags = adapter(url)
        assert flags.default_branch("Acme/GitOps") == "main"
        head = flags.head("acme/gitops", "main")
        flags.commit(commit_of({GLOBALS: "state: off\n"}, head, repository="acme/gitops"))

    assert other.head("main") != head
    assert repository.head("main") == first


def test_a_process_of_its_own_serves_several_repositories_and_heeds_their_protection(
    repository: Repository, seed: Path, tmp_path: Path
) -> None:
    other = create(tmp_path / "gitops.git", seed, full_name="acme/gitops")
    arguments = (
        "--repository",
        str(repository.path),
        "--also",
        f"acme/gitops={other.path}",
        "--token",
        TOKEN,
    )

    with started("devtools.emulators.github", *arguments, log=tmp_path / "log") as server:
        flags = adapter(server.url)
        before = flags.head("acme/gitops", "main")
        flags.commit(commit_of({GLOBALS: "state: off\n"}, before, repository="acme/gitops"))
        after = flags.head("acme/gitops", "main")
        protect(other, "main")
        with pytest.raises(Forbidden):
            flags.commit(commit_of({GLOBALS: "state: on\n"}, after, repository="acme/gitops"))

    assert other.head("main") == after != before
