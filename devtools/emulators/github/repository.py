"""A real bare Git repository, so that a push of the demo is a `git push`.

Nothing is kept beside it. Even a rename is a symbolic ref (`refs/renamed/<old>`) in the repository: whichever
process renames a branch, the emulator answers with the redirect.
"""

import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devtools.emulators.github.git import GitError, git

_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_FIRST_COMMIT = {"GIT_AUTHOR_DATE": "2026-01-05T08:00:00Z", "GIT_COMMITTER_DATE": "2026-01-05T08:00:00Z"}
_HEADS = "refs/heads/"
RENAMED = "refs/renamed/"
PROTECTED = "refs/protected/"
_NO_COMMIT = "0" * 40


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit; dates are RFC 3339."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    email: str
    date: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file or a folder of a commit; `path` is relative to the root, and `mode` is Git's."""

    path: str
    mode: str
    type: str
    sha: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A bare repository, with the name that it has on GitHub.

    Attributes:
        path: the repository's folder; `git push <path> …` pushes branches to it.
        full_name: `owner/name`.
        default_branch: the branch that HEAD names.
    """

    path: Path
    full_name: str = "acme/todo-app"
    default_branch: str = "main"

    @property
    def owner(self) -> str:
        """The part of the full name before the slash."""
        return self.full_name.split("/")[0]

    @property
    def name(self) -> str:
        """The part of the full name after the slash."""
        return self.full_name.split("/")[1]

    def branches(self) -> dict[str, str]:
        """Return the commit of every branch, sorted by branch name."""
        printed = self._git("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", _HEADS)
        return {line[41:]: line[:40] for line in printed.splitlines()}

    def head(self, branch: str) -> str | None:
        """Return the commit of a branch, or None if the branch does not exist."""
        return self.branches().get(branch)

    def resolve(self, ref: str) -> str | None:
        """Return the commit for a branch name or for a full or shortened commit id, or None."""
        head = self.head(ref)
        if head is not None or not _COMMIT.fullmatch(ref):
            return head
        with suppress(GitError):
            return self._git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
        return None

    def describe(self, sha: str) -> Commit:
        """Return the metadata of a commit."""
        shape = "--format=%T%n%P%n%an%n%ae%n%aI%n%B"
        tree, parents, author, email, date, message = self._git("show", "-s", shape, sha).split("\n", 5)
        return Commit(
            sha=sha,
            tree=tree,
            parents=tuple(parents.split()),
            author=author,
            email=email,
            date=date,
            message=message.strip(),
        )

    def archive(self, sha: str) -> bytes:
        """Return a commit's files as a `.tar.gz`, in one folder that is named as GitHub names it."""
        folder = f"{self.owner}-{self.name}-{sha[:7]}/"
        return git(self.path, "archive", "--format=tar.gz", f"--prefix={folder}", sha)

    def entry(self, sha: str, path: str) -> Entry | None:
        """Return a file or a folder of a commit, or None; the empty path is the root."""
        if not path:
            return Entry(path="", mode="040000", type="tree", sha=self.describe(sha).tree, size=0)
        entries = self._entries(sha, path)
        return entries[0] if entries else None

    def folder(self, sha: str, path: str) -> list[Entry]:
        """Return the files and folders in a folder of a commit."""
        return self._entries(sha, f"{path}/" if path else "")

    def content(self, blob: str) -> bytes:
        """Return the content of a file, by the id of its blob."""
        return git(self.path, "cat-file", "blob", blob)

    def commit(
        self, branch: str, files: Mapping[str, bytes | None], message: str, *, onto: str | None = None
    ) -> str:
        """Commit files to a branch; if the branch does not exist, it is created from the default branch.

        Args:
            branch: the branch's full name.
            files: content by path; None deletes the file.
            message: the commit message.
            onto: the commit at which the branch must still be; by default its current commit.

        Returns:
            The id of the new commit.

        Raises:
            GitError: the branch changed meanwhile, or its name is not valid.
        """
        standing = onto or self.head(branch)
        base = standing or str(self.head(self.default_branch))
        lines = [self._index_line(path, content) for path, content in files.items()]
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": f"{scratch}/index"}
            self._git("read-tree", base, extra=index)
            self._git("update-index", "-z", "--index-info", stdin="".join(lines).encode(), extra=index)
            tree = self._git("write-tree", extra=index).strip()
        sha = self._git("commit-tree", "-p", base, "-m", message, tree).strip()
        self._git("update-ref", _HEADS + branch, sha, standing or _NO_COMMIT)
        return sha

    def delete(self, branch: str) -> None:
        """Delete a branch."""
        self._git("update-ref", "-d", _HEADS + branch)

    def rename(self, old: str, new: str) -> None:
        """Rename a branch as on GitHub's page.

        From then on, the emulator answers requests for the old name with a redirect.

        Args:
            old: the branch's current name.
            new: its new name.

        Raises:
            GitError: the branch does not exist, or the new name is taken.
        """
        sha = self.head(old)
        if sha is None:
            raise GitError(f"there is no branch {old!r} to rename")
        self.delete(old)
        self._git("update-ref", _HEADS + new, sha, _NO_COMMIT)
        self._git("symbolic-ref", RENAMED + old, _HEADS + new)

    def renamed_to(self, branch: str) -> str | None:
        """Return the new name of a renamed branch, or None if the branch was not renamed."""
        with suppress(GitError):
            return self._git("symbolic-ref", "--quiet", RENAMED + branch).strip().removeprefix(_HEADS)
        return None

    def refusal(self, branch: str) -> str | None:
        """Return GitHub's refusal of a change to a branch over the API; None if it is not protected."""
        with suppress(GitError):
            return self._git("cat-file", "blob", PROTECTED + branch)
        return None

    def _index_line(self, path: str, content: bytes | None) -> str:
        if content is None:
            return f"0 {_NO_COMMIT}\t{path}\0"
        blob = self._git("hash-object", "-w", "--stdin", stdin=content).strip()
        return f"100644 {blob}\t{path}\0"

    def _entries(self, sha: str, path: str) -> list[Entry]:
        entries = []
        only = [path] if path else []
        for line in self._git("ls-tree", "--long", "-z", sha, "--", *only).split("\0")[:-1]:
            facts, name = line.split("\t", 1)
            mode, kind, blob, size = facts.split()
            long = 0 if size == "-" else int(size)
            entries.append(Entry(path=name, mode=mode, type=kind, sha=blob, size=long))
        return entries

    def _git(
        self, *arguments: str, stdin: bytes | None = None, extra: Mapping[str, str] | None = None
    ) -> str:
        return git(self.path, *arguments, stdin=stdin, extra=extra).decode()


def create(
    path: Path, seed_folder: Path, *, full_name: str = "acme/todo-app", default_branch: str = "main"
) -> Repository:
    """Create a bare repository whose default branch contains a folder's files in one commit.

    Args:
        path: the folder to create; it must not exist, or be empty.
        seed_folder: the folder with the files.
        full_name: the name it has on GitHub.
        default_branch: the branch of the commit.

    Returns:
        The repository. The commit's id depends only on the folder's contents.

    Raises:
        GitError: the path is not empty, or git failed.
    """
    if path.exists() and any(path.iterdir()):
        raise GitError(f"{path} is not empty: take another folder for the repository, or remove it")
    repository = Repository(path=path, full_name=full_name, default_branch=default_branch)
    git(path, "init", "--quiet", "--bare", f"--initial-branch={default_branch}", str(path))
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        git(path, "--work-tree", str(seed_folder), "add", "--all", "--force", "--", ".", extra=index)
        tree = git(path, "write-tree", extra=index).decode().strip()
    sha = git(path, "commit-tree", "-m", "The application", tree, extra=_FIRST_COMMIT).decode().strip()
    git(path, "update-ref", _HEADS + default_branch, sha)
    return repository
