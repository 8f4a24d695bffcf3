"""Flags in Git through PyGithub: read at the very commit, and committed on top of it or not at all."""

import tempfile

import pytest

from adapters.github.connections import Connections
from adapters.github.flags import FlagAdapter
from coppice.reconciler.errors import Conflict, Failure, Forbidden, Gone, Rejected, Unreachable
from devtools.emulators.emulator import Failure as Fail
from devtools.emulators.github.git import git
from devtools.emulators.github.protection import CLASSIC, RULESET, protect
from scheduler.flags import Commit
from tests.integration.adapters.raw import json_reply, raw_server
from tests.integration.adapters.worlds import TOKEN, GitHub

NAME = "acme/todo-app"
FILE = "values/dev/globals.yaml"
HERE = f"/repos/{NAME}"


def adapter_at(url: str, token: str = TOKEN) -> FlagAdapter:
    return FlagAdapter(Connections(url=url, token=token))


@pytest.fixture
def flags(github: GitHub) -> FlagAdapter:
    github.git.commit("main", {FILE: b"state: on\n"}, "Begin")
    return adapter_at(github.url)


def change(github: GitHub, *, parent: str = "", branch: str = "main", **files: str) -> Commit:
    return Commit(
        repository=NAME,
        branch=branch,
        parent=parent or github.main,
        files=files or {FILE: "state: off\n"},
        message="Put dev to sleep\n\noutside of its hours\n",
    )


def text(github: GitHub, path: str, commit: str = "main") -> str:
    return git(github.git.path, "show", f"{commit}:{path}").decode()


def test_the_default_branch_and_its_commit(flags: FlagAdapter, github: GitHub) -> None:
    assert flags.default_branch(NAME) == "main"
    assert flags.head(NAME, "main") == github.main


def test_a_branch_that_is_not_there_or_was_renamed_has_no_commit(flags: FlagAdapter, github: GitHub) -> None:
    github.git.commit("old", {"a": b"b"}, "a branch")
    github.git.rename("old", "new")
    assert flags.head(NAME, "old") is None
    assert flags.head(NAME, "never") is None


def test_a_branch_is_not_absent_because_the_repository_cannot_be_seen(
    flags: FlagAdapter, github: GitHub
) -> None:
    with pytest.raises(Gone):
        flags.head("acme/secret", "main")
    with pytest.raises(Forbidden):
        adapter_at(github.url, token="of-yesterday").head(NAME, "main")


def test_a_file_is_read_at_the_commit_that_was_named(flags: FlagAdapter, github: GitHub) -> None:
    before = github.main
    github.git.commit("main", {FILE: "state: off # öö\n".encode()}, "Later")
    assert flags.file(NAME, before, FILE) == "state: on\n"
    assert flags.file(NAME, github.main, FILE) == "state: off # öö\n"


def test_a_file_that_is_not_there_is_none_only_where_its_commit_can_be_read(
    flags: FlagAdapter, github: GitHub
) -> None:
    assert flags.file(NAME, github.main, "values/prod/globals.yaml") is None
    for revision in ("0" * 40, "1" * 40):
        with pytest.raises(Failure):
            flags.file(NAME, revision, FILE)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"state: \xe4\n"])
def test_a_file_that_is_no_text_is_rejected(flags: FlagAdapter, github: GitHub, content: bytes) -> None:
    github.git.commit("main", {FILE: content}, "Spoil it")
    with pytest.raises(Rejected, match="UTF-8"):
        flags.file(NAME, github.main, FILE)


def test_a_folder_is_no_file(flags: FlagAdapter, github: GitHub) -> None:
    with pytest.raises(Rejected, match="values/dev"):
        flags.file(NAME, github.main, "values/dev")


def test_a_commit_changes_its_files_and_nothing_else(flags: FlagAdapter, github: GitHub) -> None:
    before = github.main
    flags.commit(change(github, **{FILE: "state: off\n", "values/dev/db.yaml": "hibernate: yes\n"}))

    assert github.git.describe(github.main).parents == (before,)
    assert github.git.describe(github.main).message == "Put dev to sleep\n\noutside of its hours"
    changed = git(github.git.path, "diff", "--name-only", before, github.main).decode().split()
    assert changed == ["values/dev/db.yaml", FILE]
    assert text(github, FILE) == "state: off\n"


def with_entry(github: GitHub, mode: str, path: str, content: str) -> None:
    """Commit an entry of some mode to main."""
    where, parent = github.git.path, github.main
    blob = git(where, "hash-object", "-w", "--stdin", stdin=content.encode()).decode().strip()
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        git(where, "read-tree", parent, extra=index)
        git(where, "update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", extra=index)
        tree = git(where, "write-tree", extra=index).decode().strip()
    made = git(where, "commit-tree", "-p", parent, "-m", path, tree).decode().strip()
    git(where, "update-ref", "refs/heads/main", made)


def test_a_file_keeps_its_mode(flags: FlagAdapter, github: GitHub) -> None:
    with_entry(github, "100755", FILE, "state: on\n")
    flags.commit(change(github))
    listed = git(github.git.path, "ls-tree", "main", FILE).decode()
    assert listed.startswith("100755 blob ")
    assert text(github, FILE) == "state: off\n"


@pytest.mark.parametrize(
    ("link", "leads_to", "file"),
    [
        ("dev.yaml", FILE, "dev.yaml"),
        ("values/dev/flag.yaml", "globals.yaml", "values/dev/flag.yaml"),
        ("envs", "values", "envs/dev/globals.yaml"),
    ],
)
def test_a_symbolic_link_is_not_replaced_by_a_file(
    flags: FlagAdapter, github: GitHub, link: str, leads_to: str, file: str
) -> None:
    """GitHub's contents API answers a link to a file with the file's content."""
    with_entry(github, "120000", link, leads_to)
    before = github.main
    if file == link:
        assert flags.file(NAME, before, file) == "state: on\n"
    with pytest.raises(Rejected, match=f"{link} of {NAME} is a symbolic link"):
        flags.commit(change(github, **{file: "state: off\n"}))
    assert github.main == before


def test_a_commit_to_a_branch_with_slashes(flags: FlagAdapter, github: GitHub) -> None:
    github.git.commit("env/dev", {FILE: b"state: on\n"}, "a branch")
    flags.commit(change(github, branch="env/dev", parent=str(github.git.head("env/dev"))))
    assert text(github, FILE, "env/dev") == "state: off\n"
    assert text(github, FILE) == "state: on\n"


def test_who_comes_second_loses_and_overwrites_nothing(flags: FlagAdapter, github: GitHub) -> None:
    late = change(github)
    github.git.commit("main", {FILE: b"state: on\nby: dana\n"}, "Somebody was faster")
    with pytest.raises(Conflict, match="has moved on"):
        flags.commit(late)
    assert text(github, FILE) == "state: on\nby: dana\n"


@pytest.mark.parametrize("says", [RULESET, f"Protected branch update failed. {CLASSIC}"])
def test_a_protected_branch_is_said_with_what_to_do(flags: FlagAdapter, github: GitHub, says: str) -> None:
    protect(github.git, "main", says=says)
    before = github.main
    with pytest.raises(Forbidden, match="let Coppice's token or app bypass the rule"):
        flags.commit(change(github))
    assert github.main == before


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "Repository was archived so is read-only."),
        (403, "Resource protected by organization SAML enforcement. You must grant your token access."),
        (401, "Bad credentials"),
    ],
)
def test_what_neither_a_rule_nor_a_permission_refuses_is_not_told_as_one(
    flags: FlagAdapter, github: GitHub, status: int, said: str
) -> None:
    github.emulator.fail(Fail(status=status, code=said, method="POST", path_prefix=f"{HERE}/git/trees"))
    with pytest.raises(Forbidden) as refused:
        flags.commit(change(github))
    assert said in refused.value.message
    assert "contents: " not in refused.value.message
    assert "is protected" not in refused.value.message


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/git/trees"), ("POST", "/git/commits"), ("PATCH", "/git/refs")]
)
def test_a_token_that_may_only_read_is_said_with_the_permission_it_lacks(
    flags: FlagAdapter, github: GitHub, method: str, path: str
) -> None:
    before = github.main
    github.emulator.fail(Fail(status=403, method=method, path_prefix=HERE + path))
    with pytest.raises(Forbidden, match="contents: write"):
        flags.commit(change(github))
    assert github.main == before


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/git/trees"), ("POST", "/git/commits"), ("PATCH", "/git/refs")]
)
def test_a_write_that_failed_is_not_sent_again_by_itself(
    flags: FlagAdapter, github: GitHub, method: str, path: str
) -> None:
    github.emulator.fail(Fail(status=502, method=method, path_prefix=HERE + path))
    with pytest.raises(Unreachable):
        flags.commit(change(github))
    asked = [each for each in github.emulator.requests if each.path.startswith(HERE + path)]
    assert [each.status for each in asked if each.method == method] == [502]


def test_what_is_no_answer_of_githubs_says_nothing_about_a_file() -> None:
    with raw_server(lambda _: json_reply(404, [])) as server, pytest.raises(Unreachable):
        adapter_at(server.url).file(NAME, "a" * 40, FILE)
