"""The repository: which branches stand, at which commit, and its files at one of them."""

import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import requests
from github import Github

from adapters.github.client import MAY_READ, signed_in, translated
from adapters.retry import retry_reads
from coppice.manifests.rejection import Refusal, Rejection
from coppice.manifests.tar_reader import SMALLER
from coppice.reconciler.errors import Forbidden, Gone, Throttled, Unreachable

_LARGEST = 64 * 1024 * 1024  # bytes of one archive
_GZIP = b"\x1f\x8b"
_TIMEOUT = (5, 60)  # seconds to connect, and between two reads


class RepositoryAdapter:
    """Reads one repository.

    Args:
        sign_in: makes a client; each thread gets its own, for PyGithub's are not to be shared.
        name: `owner/name`.
        most: how many bytes an archive may have.
    """

    def __init__(self, sign_in: Callable[[], Github], name: str, *, most: int = _LARGEST) -> None:
        self._sign_in = sign_in
        self._most = most
        self._threads = threading.local()
        self._name = name
        self._path = f"/repos/{name}"

    @retry_reads
    def default_branch(self) -> str:
        """The repository's default branch."""
        with translated(f"read repository {self._name}"):
            _, found = self._get(self._path)
            return _text(found["default_branch"], "the repository's default branch")

    @retry_reads
    def head(self, branch: str) -> str | None:
        """The branch's commit, or `None` if there is no branch of this very name."""
        try:
            with translated(f"read branch {branch!r}"):
                _, found = self._get(f"{self._path}/branches/{quote(branch)}")
                name = _text(found["name"], "the branch's name")
                commit = _text(found["commit"]["sha"], "the branch's commit")
        except Gone:
            self._confirm_absent(branch)
            return None
        # GitHub redirects from a branch's former name, and PyGithub follows without a word.
        return commit if name == branch else None

    def _confirm_absent(self, branch: str) -> None:
        """See that Git's own refs lack the branch too, and that a branch which must be there can be read.

        GitHub says 404 of what it does not show, and on this word an environment goes.
        """
        try:
            with translated(f"read the ref of branch {branch!r}"):
                self._get(f"{self._path}/git/ref/heads/{quote(branch)}")
        except Gone:
            self._check_readable()
            return
        raise Unreachable(f"GitHub says that branch {branch!r} stands, and that it does not")

    def _check_readable(self) -> None:
        with translated(f"read repository {self._name}"):
            _, found = self._get(self._path)
            default = _text(found["default_branch"], "the repository's default branch")
        try:
            with translated(f"read branch {default!r}"):
                self._get(f"{self._path}/branches/{quote(default)}")
        except Gone as error:
            why = f"GitHub shows {self._name} and not its branch {default!r}: {error}"
            raise Forbidden(f"{why}. {MAY_READ}") from error

    @retry_reads
    def heads(self) -> Mapping[str, str]:
        """Every branch and its commit, page by page."""
        heads: dict[str, str] = {}
        page = f"{self._path}/branches?per_page=100"
        with translated("list the branches"):
            while page:
                headers, found = self._get(page)
                if not isinstance(found, list):  # PyGithub's own paging would take it for the end of the list
                    raise Unreachable("GitHub did not answer with a list of branches")
                for each in found:
                    name = _text(each["name"], "a branch's name")
                    heads[name] = _text(each["commit"]["sha"], "a branch's commit")
                links = requests.utils.parse_header_links(headers.get("link", ""))
                page = next((link["url"] for link in links if link.get("rel") == "next"), "")
        return heads

    @retry_reads
    def archive(self, commit: str) -> bytes:
        """The repository at a commit, as a tar.gz."""
        with translated(f"fetch the archive of {commit}"):
            headers, _ = self._get(f"{self._path}/tarball/{commit}")
            with requests.get(headers["location"], timeout=_TIMEOUT, stream=True) as answer:
                if answer.status_code == 404:
                    raise Gone(f"GitHub has no archive of {commit}")
                if answer.status_code == 429:
                    raise Throttled(f"GitHub gives no archive of {commit} for now", retry_after=60)
                if answer.status_code != 200:
                    raise Unreachable(f"GitHub answered {answer.status_code} for the archive of {commit}")
                return _limited(answer, commit, self._most)

    def _get(self, url: str) -> tuple[dict[str, Any], Any]:
        """Headers and JSON. PyGithub's objects are not used: what an answer lacks they ask for elsewhere."""
        if not hasattr(self._threads, "client"):
            self._threads.client = self._sign_in()
        client: Github = self._threads.client
        signed_in(client)
        return client.requester.requestJsonAndCheck("GET", url)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise Unreachable(f"GitHub's answer lacks {what}")
    return value


def _limited(answer: requests.Response, commit: str, most: int) -> bytes:
    received = bytearray()
    for chunk in answer.iter_content(1 << 16):
        received += chunk
        if len(received) > most:
            raise Rejection((Refusal(f"archive of {commit}", f"has more than {most} bytes; {SMALLER}"),))
    if not received.startswith(_GZIP):  # else a proxy's page would be held against the branch
        raise Unreachable(f"what came as the archive of {commit} is no tar.gz")
    return bytes(received)
