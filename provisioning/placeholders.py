"""Puts a branch's own names into its overlay.

Tokens instead of a template language: an overlay stays plain YAML that kustomize builds as it stands.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from provisioning.refusal import Refusal, Refused
from provisioning.tree import Tree

# A token may follow upon anything (`feature-BRANCH_NAME`, `todo_BRANCH_NAME`) and goes on while capitals,
# digits and `_` do. `COMMIT_SHA` with more behind it is another word; `BRANCH_NAME` with more is a mistake.
_TOKEN = re.compile(rb"BRANCH_NAME[A-Z0-9_]*|COMMIT_SHA(?![A-Z0-9_])")


@dataclass(frozen=True, kw_only=True)
class Placeholders:
    """What the tokens stand for.

    Attributes:
        slug: replaces `BRANCH_NAME`.
        database: replaces `BRANCH_NAME_DB`.
        commit: replaces `COMMIT_SHA`.
    """

    slug: str
    database: str
    commit: str


def substitute(tree: Tree, folders: Iterable[str], values: Placeholders) -> Tree:
    """Replace the tokens in every text file of the overlay folders, and nowhere else.

    A text file is one without a NUL byte, as Git has it.

    Args:
        tree: the manifests.
        folders: the overlay folders, as paths in the tree.
        values: what the tokens stand for. They are put in as they are, and not looked through again.

    Returns:
        The manifests with the overlays' tokens replaced.

    Raises:
        Refused: a token begins with `BRANCH_NAME` and is none of ours; names file, line and token.
    """
    replacements = {
        b"BRANCH_NAME": values.slug.encode(),
        b"BRANCH_NAME_DB": values.database.encode(),
        b"COMMIT_SHA": values.commit.encode(),
    }
    beginnings = tuple(f"{folder.strip('/')}/" for folder in folders)
    texts = {path for path, data in tree.items() if path.startswith(beginnings) and b"\0" not in data}
    unknown = tuple(
        _unknown(path, tree[path], token)
        for path in sorted(texts)
        for token in _TOKEN.finditer(tree[path])
        if token[0] not in replacements
    )
    if unknown:
        raise Refused(unknown)
    return {
        path: _TOKEN.sub(lambda token: replacements[token[0]], data) if path in texts else data
        for path, data in tree.items()
    }


def _unknown(path: str, data: bytes, token: re.Match[bytes]) -> Refusal:
    line = data.count(b"\n", 0, token.start()) + 1
    return Refusal(
        f"{path}:{line}",
        f"unknown placeholder {token[0].decode()[:100]}; there are BRANCH_NAME, BRANCH_NAME_DB, COMMIT_SHA",
    )
