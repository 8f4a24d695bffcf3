"""The repository: which branches stand, at which commit, and its files at one of them."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import requests
from github import Github
from github.Repository import Repository

from adapters.github.client import translated
from adapters.retry import reading
from loop.errors import Gone, Unreachable
from provisioning.refusal import Refusal, Refused

_LARGEST = 64 * 1024 * 1024  # bytes of one archive
_TIMEOUT = (5, 60)  # seconds to connect, and between two reads


class RepositoryAdapter:
    """Reads one repository.

    Args:
        sign_in: makes a client; each thread gets its own, for PyGithub's are not to be shared.
        name: `owner/name`.
    """

    def __init__(self, sign_in: Callable[[], Github], name: str) -> None:
        self._sign_in = sign_in
        self._threads = threading.local()
        self._name = name

    @property
    def _github(self) -> Github:
        if not hasattr(self._threads, "client"):
            self._threads.client = self._sign_in()
        client: Github = self._threads.client
        return client

    @reading
    def default_branch(self) -> str:
        """The repository's default branch."""
        return _text(self._repository().default_branch, "the repository's default branch")

    @reading
    def head(self, branch: str) -> str | None:
        """The branch's commit, or `None` if there is no branch of this very name."""
        try:
            with translated(f"read branch {branch!r}"):
                found = self._lazy().get_branch(branch)
                name, commit = found.name, found.commit.sha
        except Gone:
            return None
        # GitHub redirects from a branch's former name, and PyGithub follows without a word.
        return _text(commit, "the branch's commit") if _text(name, "the branch's name") == branch else None

    @reading
    def heads(self) -> Mapping[str, str]:
        """Every branch and its commit, page by page."""
        with translated("list the branches"):
            return {
                _text(each.name, "a branch's name"): _text(each.commit.sha, "a branch's commit")
                for each in self._lazy().get_branches()
            }

    @reading
    def archive(self, commit: str) -> bytes:
        """The repository at a commit, as a tar.gz."""
        with translated(f"fetch the archive of {commit}"):
            link = self._lazy().get_archive_link("tarball", commit)
            with requests.get(link, timeout=_TIMEOUT, stream=True) as answer:
                if answer.status_code == 404:
                    raise Gone(f"GitHub has no archive of {commit}")
                if answer.status_code != 200:
                    raise Unreachable(f"GitHub answered {answer.status_code} for the archive of {commit}")
                return _limited(answer, commit)

    def _repository(self) -> Repository:
        with translated(f"read repository {self._name}"):
            return self._github.get_repo(self._name)

    def _lazy(self) -> Repository:
        return self._github.get_repo(self._name, lazy=True)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise Unreachable(f"GitHub's answer lacks {what}")
    return value


def _limited(answer: requests.Response, commit: str) -> bytes:
    received = bytearray()
    for chunk in answer.iter_content(1 << 16):
        received += chunk
        if len(received) > _LARGEST:
            raise Refused((Refusal(f"archive of {commit}", f"is larger than {_LARGEST >> 20} MiB"),))
    return bytes(received)
