"""Judges the manifests before kustomize reads them.

What a kustomization brings in has to lie in the tree, by a path that cannot be taken for a URL. That it is
there is the allow-list: nobody has to know all the ways to write a URL that kustomize has, or will have.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.guard.documents import BadYaml, count, load
from provisioning.guard.fields import Malformed, mapping, shown
from provisioning.guard.kustomization import Reference, references
from provisioning.refusal import Refusal
from provisioning.tree import Tree

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_MOST_NODES = 500_000

# A tree may hold a folder with the very name of a repository, and kustomize takes `user@host:…` and
# `github.com/…` for remote without looking for one:
# https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/internal/git/repospec.go
_LOCAL = re.compile(r"(?!github\.com)[A-Za-z0-9._/+, -]+", re.IGNORECASE | re.ASCII)
_WHERE = "commit it below MANIFESTS_PATH, where no `export-ignore` in .gitattributes keeps it out of archives"


@dataclass
class _Judged:
    """What is known of a kustomization: refusals, the folders it builds on, how many values it brings in."""

    refusals: list[Refusal]
    bases: list[str]
    nodes: int


def check_sources(tree: Tree, overlays: Sequence[str]) -> tuple[Refusal, ...]:
    """Look through every kustomization that the overlays reach.

    Args:
        tree: the manifests, placeholders replaced.
        overlays: the folders that will be built, as paths in the tree.

    Returns:
        Every reason found. None means that a build reads nothing but the tree and runs nothing but kustomize.
    """
    judged: dict[str, _Judged] = {}
    waiting = [posixpath.normpath(overlay) for overlay in overlays]
    nodes = 0
    # A base that is reached twice is built twice, and a few dozen can multiply without end. So every way is
    # followed, while each base is judged once.
    while waiting and nodes <= _MOST_NODES:
        folder = waiting.pop()
        if folder not in judged:
            judged[folder] = _judge(tree, folder)
        nodes += judged[folder].nodes
        waiting += judged[folder].bases
    found = [refusal for base in judged.values() for refusal in base.refusals]
    if nodes > _MOST_NODES:
        found.append(Refusal("overlay", f"is built from more than {_MOST_NODES} values, or from itself"))
    return tuple(found)


def _judge(tree: Tree, folder: str) -> _Judged:
    names = [name for name in _NAMES if posixpath.join(folder, name) in tree]
    if len(names) != 1:
        reason = f"holds {' and '.join(names)}; one is enough" if names else f"holds no {_NAMES[0]}"
        return _Judged([Refusal(folder, reason)], [], 1)
    path = posixpath.join(folder, names[0])
    judged = _Judged([], [], 1)
    try:
        for found in references(mapping({path: load(tree[path])}, path)):
            reason = found if isinstance(found, str) else _follow(tree, folder, found, judged)
            if reason:
                judged.refusals.append(Refusal(path, reason))
    except (BadYaml, Malformed) as error:
        judged.refusals.append(Refusal(path, str(error)))
    return judged


def _follow(tree: Tree, folder: str, reference: Reference, judged: _Judged) -> str:
    """Note what a reference brings in, or say why it is refused."""
    if reference.role == "inline":
        return _weigh(reference.text, reference.field, judged)
    called = f"{reference.field}: {shown(reference.text)}"
    target = posixpath.normpath(posixpath.join(folder, reference.text))
    if not _LOCAL.fullmatch(reference.text) and not _is_file(tree, target, reference):
        if target in tree:
            return f"{called} could be taken for an address; rename that file (letters, digits, . _ - + ,)"
        return f"{called} is no plain path; nothing is fetched from elsewhere, so commit a copy of it"
    if target in tree:
        return "" if reference.role == "data" else _weigh(tree[target], called, judged)
    if reference.role == "base" and any(path.startswith(f"{target}/") for path in tree):
        judged.bases.append(target)
        return ""
    return f"{called} is not among the manifests at this commit; {_WHERE}"


def _is_file(tree: Tree, target: str, reference: Reference) -> bool:
    """Whether kustomize reads a file of the tree, whatever it is called.

    For what is no base it knows http(s) addresses and files, and no repositories:
    https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/internal/loader/fileloader.go
    """
    return reference.role in {"data", "yaml"} and ":" not in reference.text and target in tree


def _weigh(data: bytes | str, called: str, judged: _Judged) -> str:
    try:
        judged.nodes += count(data)
    except BadYaml as error:
        return f"{called}: {error}"
    return ""
