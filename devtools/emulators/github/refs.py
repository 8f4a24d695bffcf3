"""The refs of a repository, without those that the emulator itself keeps there."""

from dataclasses import dataclass

from devtools.emulators.github.git import git
from devtools.emulators.github.repository import PROTECTED, RENAMED, Repository

_HEADS = "refs/heads/"


@dataclass(frozen=True)
class Ref:
    """A ref by its full name, and the type and id of the object that it names."""

    name: str
    type: str
    sha: str


def branch(name: str, sha: str) -> Ref:
    """Return the ref of a branch."""
    return Ref(name=_HEADS + name, type="commit", sha=sha)


def matching_refs(repository: Repository, start: str) -> list[Ref]:
    """Return the refs whose full names begin with a text, sorted by name.

    Args:
        repository: the repository.
        start: the beginning of their names, as in `refs/heads/feature`.
    """
    found = [branch(name, sha) for name, sha in repository.branches().items()]
    if not start.startswith(_HEADS):
        printed = git(repository.path, "for-each-ref", "--format=%(refname) %(objecttype) %(objectname)")
        others = (Ref(*line.rsplit(" ", 2)) for line in printed.decode().splitlines())
        found += [ref for ref in others if not ref.name.startswith((_HEADS, RENAMED, PROTECTED))]
    return sorted((ref for ref in found if ref.name.startswith(start)), key=lambda ref: ref.name)
