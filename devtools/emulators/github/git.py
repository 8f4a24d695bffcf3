"""The `git` command, run without any user's configuration or environment."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Coppice",
    "GIT_AUTHOR_EMAIL": "coppice@example.com",
    "GIT_COMMITTER_NAME": "Coppice",
    "GIT_COMMITTER_EMAIL": "coppice@example.com",
}


class GitError(Exception):
    """A git command failed; the message is the command's output."""


def environment() -> dict[str, str]:
    """Return the environment of every git command, also for a clone or a push that is run elsewhere.

    Returns:
        The search path, an identity for commits, and settings that exclude the machine's configuration.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **_IDENTITY,
    }


def git(
    directory: Path, *arguments: str, stdin: bytes | None = None, extra: Mapping[str, str] | None = None
) -> bytes:
    """Run one git command on a bare repository.

    Args:
        directory: the repository.
        arguments: the command and its arguments.
        stdin: the command's standard input.
        extra: additional environment variables.

    Returns:
        The command's standard output.

    Raises:
        GitError: the command failed.
    """
    if any("\0" in argument for argument in arguments):
        raise GitError(f"git {arguments[0]}: an argument holds a NUL")
    command = ["git", "-c", "safe.directory=*", "--git-dir", str(directory), *arguments]
    done = subprocess.run(
        command, input=stdin or b"", capture_output=True, check=False, env=environment() | dict(extra or {})
    )
    if done.returncode != 0:
        raise GitError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
