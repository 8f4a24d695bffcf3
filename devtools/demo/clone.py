"""A developer's clone of the GitOps repository, driven by git itself."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devtools.emulators.github.git import GitError, environment


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A clone, made by `clone`.

    Attributes:
        folder: its working folder.
    """

    folder: Path

    def branch(self, name: str) -> None:
        """Switch to a branch; one that is new starts at the default branch."""
        try:
            self._git("switch", "--quiet", "--no-guess", "--", name)
        except GitError:
            self._git("switch", "--quiet", "--create", name, "--no-track", "origin/HEAD")

    def commit(self, files: Mapping[str, str | None], message: str) -> str:
        """Commit files to the current branch.

        Args:
            files: content by path; None deletes the file.
            message: the commit message.

        Returns:
            The new commit.
        """
        for path, content in files.items():
            file = self.folder / path
            if content is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)
        return self._git("rev-parse", "HEAD").strip()

    def read(self, path: str) -> str:
        """A file of the current branch."""
        return (self.folder / path).read_text()

    def push(self, *branches: str) -> None:
        """Push branches, all at once."""
        self._git("push", "--quiet", "origin", *(f"refs/heads/{name}" for name in branches))

    def push_delete(self, *branches: str) -> None:
        """Delete branches on the remote, all at once."""
        self._git("push", "--quiet", "origin", *(f":refs/heads/{name}" for name in branches))

    def forget(self) -> None:
        """Delete every local branch, pushed or not."""
        self._git("switch", "--quiet", "--detach", "origin/HEAD")
        local = self._git("for-each-ref", "--format=%(refname)", "refs/heads/").splitlines()
        for ref in local:
            self._git("update-ref", "-d", ref)

    def _git(self, *arguments: str) -> str:
        return _git("-C", str(self.folder), *arguments)


def clone(repository: Path, folder: Path) -> Clone:
    """Clone a repository.

    Args:
        repository: the bare repository.
        folder: the folder to clone into.

    Raises:
        GitError: git failed.
    """
    _git("clone", "--quiet", str(repository), str(folder))
    return Clone(folder=folder)


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    if done.returncode != 0:
        raise GitError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
