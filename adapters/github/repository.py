"""The repository: its branches with their commits, and its files at a commit."""

from collections.abc import Iterator, Mapping
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
_HEADS = "refs/heads/"
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
        return self._default_branch()

    def _default_branch(self) -> str:
        with translated(f"read repository {self._name}"):
            _, found = self._get(self._path)
            return _text(found["default_branch"], "the repository's default branch")

    @retry_reads
    def head(self, branch: str) -> str | None:
        """Read the commit of a branch.

        It takes one call if the branch exists, and two if not. Git's refs are read because GitHub redirects
        `/branches/<name>` from the former name of a branch to the present one.

        Args:
            branch: the branch.

        Returns:
            The commit; `None` if no branch has exactly this name.

        Raises:
            Failure: GitHub refused, or did not answer.
        """
        try:
            with translated(f"read branch {branch!r}"):
                _, found = self._get(f"{self._path}/git/ref/heads/{quote(branch)}")
                if _text(found["ref"], "the ref's name") == _HEADS + branch:
                    return _text(found["object"]["sha"], "the branch's commit")
        except Gone:
            pass
        self._confirm_absent(branch)
        return None

    def _confirm_absent(self, branch: str) -> None:
        """Confirm that a branch does not exist, before its environment is removed.

        GitHub answers 404 about what it does not show. So a list of all branches has to come without it, and
        with others: the default branch cannot be deleted. GitHub gives the list to those who may read the
        repository's contents, on one page, and answers 409 if the repository is empty or its Git database is
        unavailable: https://docs.github.com/rest/git/refs#list-matching-references,
        https://docs.github.com/rest/guides/using-the-rest-api-to-interact-with-your-git-database.
        """
        try:
            with translated("list the refs of all branches"):
                listed = self._list(f"{self._path}/git/matching-refs/heads")
                refs = {_text(each["ref"], "a ref's name") for each in listed}
        except Gone as error:
            self._default_branch()  # raises if it is the repository that cannot be read
            why = f"GitHub shows {self._name} and not its branches: {error}"
            raise Forbidden(f"{why}. {MAY_READ}") from error
        if _HEADS + branch in refs:
            raise Unreachable(f"GitHub says that branch {branch!r} stands, and that it does not")
        if not any(ref.startswith(_HEADS) for ref in refs):
            raise Unreachable(f"GitHub shows {self._name} and lists no branch of it")

    @retry_reads
    def heads(self) -> Mapping[str, str]:
        """List all branches, page by page.

        Returns:
            Branch → its commit.

        Raises:
            Failure: GitHub refused, or did not answer.
        """
        with translated("list the branches"):
            listed = self._list(f"{self._path}/branches?per_page=100")
            return {
                _text(each["name"], "a branch's name"): _text(each["commit"]["sha"], "a branch's commit")
                for each in listed
            }

    def _list(self, page: str) -> Iterator[Any]:
        """List the items of all pages."""
        while page:
            headers, found = self._get(page)
            if not isinstance(found, list):  # PyGithub would take it for the last page
                raise Unreachable("GitHub did not answer with a list")
            yield from found
            links = requests.utils.parse_header_links(headers.get("link", ""))
            page = next((link["url"] for link in links if link.get("rel") == "next"), "")

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
