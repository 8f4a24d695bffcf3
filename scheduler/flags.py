"""An environment's flag in Git: what it says, and the commit that changes it.

GitOps reverts what is changed on the cluster (GoKubeDownscaler#453), so an environment is switched where its
truth is kept.
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
    """The file of a flag at its branch's commit, and the value in it."""

    commit: str
    text: str
    value: Scalar


@dataclass(frozen=True, kw_only=True)
class ObservedFlag:
    """A flag as it stands in Git.

    Args:
        flag: what the schedule says of it.
        repository: `owner/name`.
        branch: the branch that is read and committed to.
        head: what it says there.
    """

    flag: Flag
    repository: str
    branch: str
    head: Reading[Head]

    def __str__(self) -> str:
        return f"{self.flag} of {self.repository}"


@dataclass(frozen=True, kw_only=True)
class Commit(Change):
    """Commit files on top of the very commit that they were read at."""

    verb: ClassVar[str] = "commit"
    repository: str
    branch: str
    parent: str
    files: Mapping[str, str]
    message: str

    @property
    def target(self) -> str:
        """Where, and what the commit is called."""
        title = self.message.partition("\n")[0]
        return f"{self.repository}@{self.branch} ({title}: {', '.join(self.files)})"


class RepositoryReader(Protocol):
    """Reads repositories."""

    def default_branch(self, repository: str) -> str:
        """The default branch: proof that the repository can be read.

        Raises:
            Failure: it cannot.
        """

    def head(self, repository: str, branch: str) -> str | None:
        """The branch's commit; `None` only if it does not exist."""

    def file(self, repository: str, revision: str, path: str) -> str | None:
        """A file's text at a commit; `None` only if it is not there."""


class Committer(Protocol):
    """Commits to a branch. It rewrites nothing and creates no file."""

    def commit(self, commit: Commit) -> None:
        """Commit files to a branch.

        Raises:
            Conflict: the branch has moved on since it was read.
            Forbidden: the branch is protected; the message says what lets Coppice commit to it.
        """
