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
    """The command failed; the message is what it printed."""


def environment() -> dict[str, str]:
    """The environment of every git command, for those that are run elsewhere too: a clone, a push.

    Returns:
        The search path, an identity to commit with, and settings that keep the machine's configuration out.
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
        stdin: what the command reads.
        extra: further variables of its environment.

    Returns:
        What it printed.

    Raises:
        GitError: it failed.
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
