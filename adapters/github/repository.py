"""The repository: its branches with their commits, and its files at a commit."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests

from adapters.github.client import MAY_READ, translated
from adapters.github.connections import Connections
from adapters.retry import retry_reads
from coppice.manifests.rejection import Refusal, Rejection
from coppice.manifests.tar_reader import EXPORT_IGNORE_HINT
from coppice.reconciler.errors import Forbidden, Gone, Throttled, Unreachable

_LARGEST = 64 * 1024 * 1024  # bytes of one archive
_GZIP = b"\x1f\x8b"
_TIMEOUT = (5, 60)  # seconds to connect, and between two reads


class RepositoryAdapter:
    """Reads one repository.

    Args:
        connections: the connections to GitHub.
        name: `owner/name`.
        most: how many bytes an archive may have.
    """

    def __init__(self, connections: Connections, name: str, *, most: int = _LARGEST) -> None:
        self._connections = connections
        self._most = most
        self._name = name
        self._path = f"/repos/{name}"

    @retry_reads
    def default_branch(self) -> str:
        """Read the default branch.

        Returns:
            Its name.

        Raises:
            Failure: GitHub refused, or did not answer.
        """
        with translated(f"read repository {self._name}"):
            _, found = self._get(self._path)
            return _text(found["default_branch"], "the repository's default branch")

    @retry_reads
    def head(self, branch: str) -> str | None:
        """Read the commit of a branch.

        Args:
            branch: the branch.

        Returns:
            The commit; `None` if no branch has exactly this name.

        Raises:
            Failure: GitHub refused, or did not answer.
        """
        try:
            with translated(f"read branch {branch!r}"):
                _, found = self._get(f"{self._path}/branches/{quote(branch)}")
                name = _text(found["name"], "the branch's name")
                commit = _text(found["commit"]["sha"], "the branch's commit")
        except Gone:
            self._confirm_absent(branch)
            return None
        # GitHub redirects from the former name of a branch, and PyGithub follows.
        return commit if name == branch else None

    def _confirm_absent(self, branch: str) -> None:
        """Confirm that a branch does not exist, before its environment is removed.

        GitHub answers 404 about what it does not show. So the Git ref has to be missing too, and the default
        branch has to be readable.
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
        """List all branches, page by page.

        Returns:
            Branch → its commit.

        Raises:
            Failure: GitHub refused, or did not answer.
        """
        heads: dict[str, str] = {}
        page = f"{self._path}/branches?per_page=100"
        with translated("list the branches"):
            while page:
                headers, found = self._get(page)
                if not isinstance(found, list):  # PyGithub would take it for the last page
                    raise Unreachable("GitHub did not answer with a list of branches")
                for each in found:
                    name = _text(each["name"], "a branch's name")
                    heads[name] = _text(each["commit"]["sha"], "a branch's commit")
                links = requests.utils.parse_header_links(headers.get("link", ""))
                page = next((link["url"] for link in links if link.get("rel") == "next"), "")
        return heads

    @retry_reads
    def archive(self, commit: str) -> bytes:
        """Fetch the files of the repository at a commit.

        Args:
            commit: the commit.

        Returns:
            A tar.gz.

        Raises:
            Rejection: it is too large.
            Failure: GitHub refused, or did not answer.
        """
        with translated(f"fetch the archive of {commit}"):
            headers, _ = self._get(f"{self._path}/tarball/{commit}")
            with (
                self._connections.archives() as session,
                session.get(headers["location"], timeout=_TIMEOUT, stream=True) as answer,
            ):
                if answer.status_code == 404:
                    raise Gone(f"GitHub has no archive of {commit}")
                if answer.status_code == 429:
                    raise Throttled(f"GitHub gives no archive of {commit} for now", retry_after=60)
                if answer.status_code != 200:
                    raise Unreachable(f"GitHub answered {answer.status_code} for the archive of {commit}")
                return _limited(answer, commit, self._most)

    def _get(self, url: str) -> tuple[dict[str, Any], Any]:
        """Get headers and JSON. PyGithub's objects make further calls for fields that are missing."""
        with self._connections.api() as client:
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
            raise Rejection(
                (Refusal(f"archive of {commit}", f"has more than {most} bytes; {EXPORT_IGNORE_HINT}"),)
            )
    if not received.startswith(_GZIP):  # else a proxy's page would be held against the branch
        raise Unreachable(f"what came as the archive of {commit} is no tar.gz")
    return bytes(received)
