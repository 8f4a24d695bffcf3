"""An environment's flag in Git: its value, and the commit that changes it.

A GitOps controller reverts what is changed on the cluster (GoKubeDownscaler#453). So an environment is
switched in Git.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from coppice.reconciler.observation import Reading
from coppice.reconciler.plan import Change
from scheduler.scalars import Scalar
from scheduler.schedule import Flag


@dataclass(frozen=True)
class Head:
    """The file of a flag at its branch's newest commit, and the flag's value in it."""

    commit: str
    text: str
    value: Scalar


@dataclass(frozen=True, kw_only=True)
class ObservedFlag:
    """A flag as it is in Git.

    Args:
        flag: the flag as the schedule declares it.
        repository: `owner/name`.
        branch: the branch that is read and committed to.
        head: its file and value there.
    """

    flag: Flag
    repository: str
    branch: str
    head: Reading[Head]

    def __str__(self) -> str:
        return f"{self.flag} of {self.repository}"


@dataclass(frozen=True, kw_only=True)
class Commit(Change):
    """Commit files. The parent is the commit at which they were read."""

    verb: ClassVar[str] = "commit"
    repository: str
    branch: str
    parent: str
    files: Mapping[str, str]
    message: str

    @property
    def target(self) -> str:
        """The branch, the commit's title and its files."""
        title = self.message.partition("\n")[0]
        return f"{self.repository}@{self.branch} ({title}: {', '.join(self.files)})"


class RepositoryReader(Protocol):
    """Reads repositories."""

    def default_branch(self, repository: str) -> str:
        """Read the default branch. That it is found proves that the repository can be read.

        Raises:
            Failure: the repository cannot be read.
        """

    def head(self, repository: str, branch: str) -> str | None:
        """Read the branch's newest commit; `None` only if the branch does not exist."""

    def file(self, repository: str, revision: str, path: str) -> str | None:
        """Read a file at a commit; `None` only if the file does not exist."""


class Committer(Protocol):
    """Commits to a branch. It never rewrites history, and creates no file."""

    def commit(self, commit: Commit) -> None:
        """Commit files to a branch.

        Raises:
            Conflict: the branch has moved on since it was read.
            Forbidden: the branch is protected; the message says what lets Coppice commit to it.
        """
