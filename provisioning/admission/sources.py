"""Judges the manifests before kustomize reads them.

What a kustomization brings in has to lie in the tree, by a path that cannot be taken for a URL. That it is
there is the allow-list: nobody has to know all the ways to write a URL that kustomize has, or will have.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from coppice.manifests.archive import Tree
from coppice.manifests.documents import BadYaml, count, load
from coppice.manifests.fields import Malformed, mapping, quote
from coppice.manifests.rejection import Refusal
from provisioning.admission.kustomization import Reference, references

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_MOST_NODES = 500_000
_MOST_SAID = 50_000  # values of one kustomization; the files that it names have more room
_MOST_REASONS = 100

# A tree may hold a folder with the very name of a repository, and kustomize takes `user@host:…` and
# `github.com/…` for remote without looking for one:
# https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/internal/git/repospec.go
_LOCAL = re.compile(r"(?!github\.com)[A-Za-z0-9._/+, -]+", re.IGNORECASE | re.ASCII)
_WHERE = "commit it below MANIFESTS_PATH, where no `export-ignore` in .gitattributes keeps it out of archives"


@dataclass
class _Judged:
    """What is known of a kustomization: refusals, the folders it builds on and how often each, and how many
    values it brings in by itself.
    """

    refusals: list[Refusal] = field(default_factory=list)
    bases: Counter[str] = field(default_factory=Counter)
    nodes: int = 1


class _Files:
    """The manifests, and what is asked about them more than once."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.folders = frozenset(str(parent) for path in tree for parent in PurePosixPath(path).parents)
        self._nodes: dict[str, int] = {}

    def nodes(self, path: str) -> int:
        """How many values a file holds.

        Raises:
            BadYaml: it cannot be read.
        """
        if path not in self._nodes:
            self._nodes[path] = count(self.tree[path])
        return self._nodes[path]


def check_sources(tree: Tree, overlays: Sequence[str]) -> tuple[Refusal, ...]:
    """Look through every kustomization that the overlays reach.

    Args:
        tree: the manifests, placeholders replaced.
        overlays: the folders that will be built, as paths in the tree.

    Returns:
        Every reason found. None means that a build reads nothing but the tree and runs nothing but kustomize.
    """
    files = _Files(tree)
    judged: dict[str, _Judged] = {}
    roots = [posixpath.normpath(overlay) for overlay in overlays]
    waiting, read = list(roots), 0
    while waiting and read <= _MOST_NODES:
        folder = waiting.pop()
        if folder not in judged:
            judged[folder] = _judge(files, folder)
            read += judged[folder].nodes
            waiting += judged[folder].bases
    found = [refusal for base in judged.values() for refusal in base.refusals]
    if read > _MOST_NODES or _brought_in(judged, roots) > _MOST_NODES:
        found.append(Refusal("overlay", f"is built from more than {_MOST_NODES} values, or from itself"))
    return tuple(found)


def _brought_in(judged: Mapping[str, _Judged], roots: Sequence[str]) -> int:
    """How many values all of it has.

    A base that is reached twice is built twice, and a few dozen can multiply without end; one that is built
    from itself has no end.
    """
    try:
        order = list(TopologicalSorter({path: each.bases for path, each in judged.items()}).static_order())
    except CycleError:
        return _MOST_NODES + 1
    totals: dict[str, int] = {}
    for path in order:
        each = judged.get(path, _Judged())
        total = each.nodes + sum(totals[base] * often for base, often in each.bases.items())
        totals[path] = min(total, _MOST_NODES + 1)
    return sum(totals[root] for root in roots)


def _judge(files: _Files, folder: str) -> _Judged:
    if folder not in files.folders:
        reason = f"is not among the manifests at this commit; {_WHERE}, or correct the setting that names it"
        return _Judged([Refusal(folder, reason)])
    names = [name for name in _NAMES if posixpath.join(folder, name) in files.tree]
    if len(names) != 1:
        reason = f"holds {' and '.join(names)}; one is enough" if names else f"holds no {_NAMES[0]}"
        return _Judged([Refusal(folder, reason)])
    path = posixpath.join(folder, names[0])
    judged = _Judged()
    try:
        said = load(files.tree[path], nodes=_MOST_SAID)
        for found in references(mapping({path: said}, path)):
            reason = found if isinstance(found, str) else _follow(files, folder, found, judged)
            if reason:
                judged.refusals.append(Refusal(path, reason))
            if len(judged.refusals) > _MOST_REASONS:
                break
    except (BadYaml, Malformed) as error:
        judged.refusals.append(Refusal(path, str(error)))
    return judged


def _follow(files: _Files, folder: str, reference: Reference, judged: _Judged) -> str:
    """Note what a reference brings in, or say why it is refused."""
    if reference.role == "inline":
        return _weigh(reference.field, judged, lambda: count(reference.text))
    called = f"{reference.field}: {quote(reference.text)}"
    target = posixpath.normpath(posixpath.join(folder, reference.text))
    if not _LOCAL.fullmatch(reference.text) and not _is_file(files.tree, target, reference):
        if target in files.tree or target in files.folders:
            what = "file" if target in files.tree else "folder"
            return f"{called} could be taken for an address; rename that {what} (letters, digits, . _ - + ,)"
        return f"{called} is no plain path; nothing is fetched from elsewhere, so commit a copy of it"
    if target in files.tree:
        return "" if reference.role == "data" else _weigh(called, judged, lambda: files.nodes(target))
    if reference.role == "base" and target in files.folders:
        judged.bases[target] += 1
        return ""
    if target in files.folders:
        return f"{called} is a folder; name a file"
    return f"{called} is not among the manifests at this commit; {_WHERE}"


def _is_file(tree: Tree, target: str, reference: Reference) -> bool:
    """Whether kustomize reads a file of the tree, whatever it is called.

    For what is no base it knows http(s) addresses and files, and no repositories:
    https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/internal/loader/fileloader.go
    """
    return reference.role in {"data", "yaml"} and ":" not in reference.text and target in tree


def _weigh(called: str, judged: _Judged, nodes: Callable[[], int]) -> str:
    try:
        judged.nodes += nodes()
    except BadYaml as error:
        return f"{called}: {error}"
    return ""
