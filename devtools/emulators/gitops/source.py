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
_MOST_COMMITS = 100  # how far back a commit is looked for that is old enough


class SourceError(Exception):
    """A repository, a branch or a folder that cannot be had; the message says which."""


class Sources:
    """Some repositories, by the addresses that Applications and GitRepositories name.

    Args:
        repositories: the bare repositories, which know their names.
        kustomize: builds folders that have a kustomization.
    """

    def __init__(self, repositories: Iterable[Repository], kustomize: Kustomize) -> None:
        self._repositories = {each.full_name.lower(): each for each in repositories}
        self._kustomize = kustomize
        self._built: dict[tuple[Path, str, str], list[Object]] = {}

    def revision(self, url: str, branch: str, *, as_of: datetime) -> str:
        """Return the commit that a branch stood at.

        Args:
            url: the repository's address; its last two parts are its name.
            branch: the branch; empty or `HEAD` means the default one. A tag or a commit will do.
            as_of: commits after this time are not seen.

        Raises:
            SourceError: there is no such repository or branch.
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
        """Return what a folder says at a commit: kustomize's output, or else its YAML files as they are.

        Raises:
            SourceError: there is no such folder or commit, or it does not build.
        """
        place = (self._repository(url).path, revision, folder.strip("./") or ".")
        if place not in self._built:  # a commit never says anything else
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
    """The commit of a tag, or the commit that is named itself: neither moves."""
    for each in (f"refs/tags/{name.removeprefix('refs/tags/')}", name if _COMMIT.fullmatch(name) else ""):
        with contextlib.suppress(GitError):
            if each:
                return (
                    git(repository, "rev-parse", "--verify", "--quiet", f"{each}^{{commit}}").decode().strip()
                )
    raise SourceError(f"unable to resolve '{name}' to a commit SHA")


def seen_at(now: datetime, lag_seconds: float) -> datetime:
    """Return the time up to which commits are seen; whole seconds are all that Git keeps."""
    return now - timedelta(seconds=lag_seconds) if lag_seconds else now + timedelta(seconds=1)


def _tree(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = ((member.name, tar.extractfile(member)) for member in tar.getmembers() if member.isfile())
        return {name: file.read() for name, file in files if file is not None}
