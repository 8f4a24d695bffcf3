"""Reads files of repositories, and commits several files at once. A branch is only moved forward.

Commits use the Git database API (https://docs.github.com/rest/git). The contents API would make a commit for
each file, and would not notice other changes in between.
"""

import contextlib
from collections.abc import Iterator

from github import InputGitTreeElement
from github.Repository import Repository

from adapters.github.client import says_why, translated
from adapters.github.connections import Connections
from adapters.retry import retry_reads
from coppice.reconciler.errors import Conflict, Failure, Forbidden, Gone, Rejected, Unreachable
from scheduler.flags import Commit

# https://docs.github.com/rest/git/trees#create-a-tree
_FILE, _FOLDER, _LINK = "100644", "040000", "120000"


class FlagAdapter:
    """Reads files of repositories, and commits to their branches.

    Args:
        connections: the connections to GitHub.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @contextlib.contextmanager
    def _repository(self, name: str) -> Iterator[Repository]:
        with self._connections.api() as client:
            yield client.get_repo(name)

    @retry_reads
    def default_branch(self, repository: str) -> str:
        """Read the default branch, which also proves that the repository can be read.

        Args:
            repository: `owner/name`.

        Returns:
            Its name.

        Raises:
            Failure: GitHub refused, or did not answer.
        """
        with translated(f"read repository {repository}"), self._repository(repository) as found:
            return found.default_branch

    @retry_reads
    def head(self, repository: str, branch: str) -> str | None:
        """Read the commit of a branch.

        Args:
            repository: `owner/name`.
            branch: the branch.

        Returns:
            The commit; `None` if no branch has exactly this name.

        Raises:
            Failure: GitHub refused, or did not answer.
        """
        try:
            what = f"read branch {branch!r} of {repository}"
            with translated(what), self._repository(repository) as read:
                found = read.get_branch(branch)
                return found.commit.sha if found.name == branch else None
        except Gone:
            self.default_branch(repository)  # raises if the repository cannot be read
            return None

    @retry_reads
    def file(self, repository: str, revision: str, path: str) -> str | None:
        """Read a file at a commit.

        Args:
            repository: `owner/name`.
            revision: the commit.
            path: the file.

        Returns:
            Its text; `None` if the commit has no such file.

        Raises:
            Rejected: it is no UTF-8 text, or too large.
            Failure: GitHub refused, or did not answer.
        """
        try:
            what = f"read {path} of {repository} at {revision}"
            with translated(what), self._repository(repository) as read:
                found = read.get_contents(path, ref=revision)
                if isinstance(found, list) or found.encoding != "base64":
                    raise Rejected(f"{path} of {repository} is no file of text, or larger than 1 MB")
                content = found.decoded_content
        except Gone:
            self._check_readable(repository, revision)
            return None
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise Rejected(f"{path} of {repository} is not UTF-8: {error}") from error

    def _check_readable(self, repository: str, revision: str) -> None:
        """Check that the commit can be read, so that only the file is missing."""
        what = f"read commit {revision} of {repository}"
        with translated(what), self._repository(repository) as read:
            if not read.get_git_commit(revision).sha:
                raise Unreachable(f"GitHub's answer lacks commit {revision} of {repository}")

    def commit(self, commit: Commit) -> None:
        """Commit files on top of the commit that they were read at.

        Args:
            commit: the files, the branch and the parent.

        Raises:
            Conflict: the branch has moved on since.
            Forbidden: the branch is protected.
            Rejected: a file is a symbolic link, or GitHub does not accept the commit.
            Failure: GitHub refused otherwise, or did not answer.
        """
        try:
            what = f"commit to {commit.branch!r} of {commit.repository}"
            with translated(what), self._repository(commit.repository) as repository:
                parent = repository.get_git_commit(commit.parent)
                elements = [
                    InputGitTreeElement(path, _mode(repository, parent.tree.sha, path), "blob", content=text)
                    for path, text in commit.files.items()
                ]
                tree = repository.create_git_tree(elements, base_tree=parent.tree)
                made = repository.create_git_commit(commit.message, tree, [parent])
                repository.get_git_ref(f"heads/{commit.branch}").edit(made.sha, force=False)
        except (Rejected, Forbidden) as refused:
            raise _refused(commit, refused) from refused


def _mode(repository: Repository, tree: str, path: str) -> str:
    """Read the mode of a file, which a commit keeps.

    Raises:
        Rejected: a part of the path is a symbolic link. The contents API follows it when it reads
            (https://docs.github.com/rest/repos/contents); a commit would replace it.
    """
    mode, steps = _FOLDER, path.split("/")
    for number, step in enumerate(steps, 1):
        entries = repository.get_git_tree(tree).tree if mode == _FOLDER else []
        entry = next((each for each in entries if each.path == step), None)
        if entry is None:
            return _FILE
        if entry.mode == _LINK:
            link = "/".join(steps[:number])
            raise Rejected(
                f"{link} of {repository.full_name} is a symbolic link: name in the schedule what it leads to"
            )
        mode, tree = entry.mode, entry.sha
    return mode


# How rulesets and branch protection rules refuse a push. There is no code for it.
_PROTECTED = (
    "protected",
    "rule violations",
    "changes must be made through a pull request",
    "required status check",
    "not authorized to push",
)


def _refused(commit: Commit, refused: Failure) -> Failure:
    message = refused.message.lower()
    if "fast forward" in message or "fast-forward" in message:
        return Conflict(f"branch {commit.branch!r} of {commit.repository} has moved on")
    if says_why(message) or "bad credentials" in message:
        return refused
    if any(word in message for word in _PROTECTED):
        return Forbidden(
            f"branch {commit.branch!r} of {commit.repository} is protected: let Coppice's token or app "
            f"bypass the rule, or name another branch in the schedule ({refused.message})"
        )
    if isinstance(refused, Forbidden):
        return Forbidden(f"{refused.message}. To commit, that permission has to be contents: write")
    return refused
