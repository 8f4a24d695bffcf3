"""Checks the manifests before kustomize reads them.

Everything that a kustomization refers to must be in the tree, under a path that cannot be read as a URL. The
tree is the allow-list, so the forms of URL that kustomize accepts, now or later, need not be known here.
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

_FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_MAX_NODES = 500_000
_MAX_KUSTOMIZATION_NODES = 50_000  # of one kustomization file, without the files that it refers to
_MAX_REASONS = 100

# The tree may have a folder with the name of a repository, but kustomize treats `user@host:…` and
# `github.com/…` as remote without looking for such a folder:
# https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/internal/git/repospec.go
_LOCAL = re.compile(r"(?!github\.com)[A-Za-z0-9._/+, -]+", re.IGNORECASE | re.ASCII)
_WHERE = "commit it below MANIFESTS_PATH, where no `export-ignore` in .gitattributes keeps it out of archives"


@dataclass
class _Kustomization:
    """The result of checking one kustomization.

    Attributes:
        refusals: every reason against it.
        bases: the folders that it builds on, and how often it refers to each.
        nodes: the number of values in its own files.
    """

    refusals: list[Refusal] = field(default_factory=list)
    bases: Counter[str] = field(default_factory=Counter)
    nodes: int = 1


class _Files:
    """The manifests, with cached facts about them."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.folders = frozenset(str(parent) for path in tree for parent in PurePosixPath(path).parents)
        self._nodes: dict[str, int] = {}

    def nodes(self, path: str) -> int:
        """Count the values in a file.

        Raises:
            BadYaml: the file cannot be read.
        """
        if path not in self._nodes:
            self._nodes[path] = count(self.tree[path])
        return self._nodes[path]


def check_sources(tree: Tree, overlays: Sequence[str]) -> tuple[Refusal, ...]:
    """Check every kustomization that the overlays reach.

    Args:
        tree: the manifests, with their placeholders replaced.
        overlays: the folders that will be built, as paths in the tree.

    Returns:
        Every reason found. If there is none, a build reads only the tree and runs only kustomize.
    """
    files = _Files(tree)
    checked: dict[str, _Kustomization] = {}
    roots = [posixpath.normpath(overlay) for overlay in overlays]
    pending, nodes = list(roots), 0
    while pending and nodes <= _MAX_NODES:
        folder = pending.pop()
        if folder not in checked:
            checked[folder] = _check(files, folder)
            nodes += checked[folder].nodes
            pending += checked[folder].bases
    refusals = [refusal for each in checked.values() for refusal in each.refusals]
    if nodes > _MAX_NODES or _total_nodes(checked, roots) > _MAX_NODES:
        refusals.append(Refusal("overlay", f"is built from more than {_MAX_NODES} values, or from itself"))
    return tuple(refusals)


def _total_nodes(checked: Mapping[str, _Kustomization], roots: Sequence[str]) -> int:
    """Count the values that the overlays are built from.

    kustomize builds a base once for each reference to it, so the values of a few dozen bases can multiply
    without limit. A base that is built from itself counts as above the limit.
    """
    try:
        order = list(TopologicalSorter({path: each.bases for path, each in checked.items()}).static_order())
    except CycleError:
        return _MAX_NODES + 1
    totals: dict[str, int] = {}
    for path in order:
        each = checked.get(path, _Kustomization())
        total = each.nodes + sum(totals[base] * times for base, times in each.bases.items())
        totals[path] = min(total, _MAX_NODES + 1)
    return sum(totals[root] for root in roots)


def _check(files: _Files, folder: str) -> _Kustomization:
    if folder not in files.folders:
        reason = f"is not among the manifests at this commit; {_WHERE}, or correct the setting that names it"
        return _Kustomization([Refusal(folder, reason)])
    names = [name for name in _FILE_NAMES if posixpath.join(folder, name) in files.tree]
    if len(names) != 1:
        reason = f"holds {' and '.join(names)}; one is enough" if names else f"holds no {_FILE_NAMES[0]}"
        return _Kustomization([Refusal(folder, reason)])
    path = posixpath.join(folder, names[0])
    result = _Kustomization()
    try:
        content = load(files.tree[path], nodes=_MAX_KUSTOMIZATION_NODES)
        for found in references(mapping({path: content}, path)):
            reason = found if isinstance(found, str) else _resolve(files, folder, found, result)
            if reason:
                result.refusals.append(Refusal(path, reason))
            if len(result.refusals) > _MAX_REASONS:
                break
    except (BadYaml, Malformed) as error:
        result.refusals.append(Refusal(path, str(error)))
    return result


def _resolve(files: _Files, folder: str, reference: Reference, result: _Kustomization) -> str:
    """Add what a reference refers to to the result, or return the reason why it is refused."""
    if reference.role == "inline":
        return _add_nodes(reference.field, result, lambda: count(reference.text))
    subject = f"{reference.field}: {quote(reference.text)}"
    target = posixpath.normpath(posixpath.join(folder, reference.text))
    if not _LOCAL.fullmatch(reference.text) and not _is_file(files.tree, target, reference):
        if target in files.tree or target in files.folders:
            what = "file" if target in files.tree else "folder"
            return f"{subject} could be taken for an address; rename that {what} (letters, digits, . _ - + ,)"
        return f"{subject} is no plain path; nothing is fetched from elsewhere, so commit a copy of it"
    if target in files.tree:
        return "" if reference.role == "data" else _add_nodes(subject, result, lambda: files.nodes(target))
    if reference.role == "base" and target in files.folders:
        result.bases[target] += 1
        return ""
    if target in files.folders:
        return f"{subject} is a folder; name a file"
    return f"{subject} is not among the manifests at this commit; {_WHERE}"


def _is_file(tree: Tree, target: str, reference: Reference) -> bool:
    """Whether kustomize is sure to read a file of the tree, whatever the file's name is.

    If a reference is no base, kustomize reads it as an http(s) URL or a file, never as a repository:
    https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/internal/loader/fileloader.go
    """
    return reference.role in {"data", "yaml"} and ":" not in reference.text and target in tree


def _add_nodes(subject: str, result: _Kustomization, nodes: Callable[[], int]) -> str:
    try:
        result.nodes += nodes()
    except BadYaml as error:
        return f"{subject}: {error}"
    return ""
