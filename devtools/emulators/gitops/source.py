"""The objects in a folder of a repository, at a commit."""

import contextlib
import io
import re
import tarfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from adapters.kustomize.build import Kustomize
from coppice.manifests.documents import BadYaml, load_all
from coppice.manifests.rejection import Rejection
from devtools.emulators.github.git import GitError, git
from devtools.emulators.github.repository import Repository

Object = dict[str, Any]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_MOST_COMMITS = 100  # how many commits are searched for one that is old enough


class SourceError(Exception):
    """A repository, a branch or a folder is not available; the message says which."""


class Sources:
    """The repositories, by the URLs in Applications and GitRepositories.

    Args:
        repositories: the bare repositories, with their names on GitHub.
        kustomize: builds folders that have a kustomization.
    """

    def __init__(self, repositories: Iterable[Repository], kustomize: Kustomize) -> None:
        self._repositories = {each.full_name.lower(): each for each in repositories}
        self._kustomize = kustomize
        self._built: dict[tuple[Path, str, str], list[Object]] = {}

    def revision(self, url: str, branch: str, *, as_of: datetime) -> str:
        """Return the commit of a branch at a time.

        Args:
            url: the repository's URL; its last two segments are the repository's name.
            branch: the branch; empty or `HEAD` means the default branch. A tag or a commit is also accepted.
            as_of: commits after this time are ignored.

        Raises:
            SourceError: the repository or the branch does not exist.
        """
        repository = self._repository(url)
        branch = repository.default_branch if branch in {"", "HEAD"} else branch.removeprefix("refs/heads/")
        newest = repository.head(branch)
        if newest is None:
            return _fixed(repository.path, branch)
        log = ("log", "--first-parent", f"--max-count={_MOST_COMMITS}", "--format=%H %ct", newest)
        commits = [line.split() for line in git(repository.path, *log).decode().splitlines()]
        seen = [sha for sha, time in commits if int(time) <= as_of.timestamp()]
        return seen[0] if seen else commits[-1][0]

    def objects(self, url: str, revision: str, folder: str) -> list[Object]:
        """Return the objects in a folder at a commit: kustomize's output, or else its YAML files as they are.

        Args:
            url: the repository's URL.
            revision: the commit.
            folder: the folder's path in the repository.

        Returns:
            The objects.

        Raises:
            SourceError: the repository, commit or folder does not exist, or the folder does not build.
        """
        place = (self._repository(url).path, revision, folder.strip("./") or ".")
        if place not in self._built:  # the result is cached because a commit never changes
            self._built[place] = self._build(*place)
        return self._built[place]

    def _build(self, repository: Path, revision: str, folder: str) -> list[Object]:
        try:
            tree = _tree(git(repository, "archive", "--format=tar", revision))
            here = {name: text for name, text in tree.items() if str(PurePosixPath(name).parent) == folder}
            if any(PurePosixPath(name).name == "kustomization.yaml" for name in here):
                return list(self._kustomize.build(tree, folder))
            documents = [load_all(text) for name, text in sorted(here.items()) if name.endswith(".yaml")]
        except (GitError, Rejection, BadYaml) as error:
            raise SourceError(f"{folder} at {revision}: {error}") from error
        if not documents:
            raise SourceError(f"{folder}: app path does not exist")
        return [each for several in documents for each in several if isinstance(each, dict)]

    def _repository(self, url: str) -> Repository:
        name = "/".join(urlsplit(url).path.removesuffix(".git").strip("/").split("/")[-2:])
        found = self._repositories.get(name.lower())
        if found is None:
            raise SourceError(f"repository {url} is not served here")
        return found


def _fixed(repository: Path, name: str) -> str:
    """Return the commit of a tag, or the commit that the name is itself; neither changes over time."""
    for each in (f"refs/tags/{name.removeprefix('refs/tags/')}", name if _COMMIT.fullmatch(name) else ""):
        with contextlib.suppress(GitError):
            if each:
                return (
                    git(repository, "rev-parse", "--verify", "--quiet", f"{each}^{{commit}}").decode().strip()
                )
    raise SourceError(f"unable to resolve '{name}' to a commit SHA")


def seen_at(now: datetime, lag_seconds: float) -> datetime:
    """Return the time up to which commits are seen; Git stores whole seconds only."""
    return now - timedelta(seconds=lag_seconds) if lag_seconds else now + timedelta(seconds=1)


def _tree(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = ((member.name, tar.extractfile(member)) for member in tar.getmembers() if member.isfile())
        return {name: file.read() for name, file in files if file is not None}
