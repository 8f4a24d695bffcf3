"""Puts a branch's own names into its overlay.

Tokens instead of a template language: an overlay stays plain YAML that kustomize builds as it stands. What a
token stands for is text, whatever YAML would make of it: a branch may be called `2024-11-06` or `null`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from coppice.manifests.archive import Tree
from coppice.manifests.rejection import Refusal, Rejection
from coppice.manifests.scalars import Scalar, quoted, scalars

# A token may follow upon anything (`feature-BRANCH_NAME`, `todo_BRANCH_NAME`) and goes on while capitals,
# digits and `_` do. `COMMIT_SHA` with more behind it is another word; `BRANCH_NAME` with more is a mistake.
_TOKEN = re.compile(r"BRANCH_NAME[A-Z0-9_]*|COMMIT_SHA(?![A-Z0-9_])", re.ASCII)
_CAPITALS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_ASSIGNED = ("", "export")  # what may stand before the variable in a line `NAME=value`
_INDENTED = 40  # the most characters before it
_YAML = (".yaml", ".yml", ".json", "Kustomization")
_KNOWN = "there are BRANCH_NAME, BRANCH_NAME_DB, COMMIT_SHA"


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

    @property
    def replacements(self) -> Mapping[str, str]:
        """Token → what it stands for."""
        return {"BRANCH_NAME": self.slug, "BRANCH_NAME_DB": self.database, "COMMIT_SHA": self.commit}


def substitute(tree: Tree, folders: Iterable[str], values: Placeholders) -> Tree:
    """Replace the tokens in every text file of the overlay folders, and nowhere else.

    A text file is one without a NUL byte, as Git has it. The name of a variable that is called like a token
    stays: `- name: COMMIT_SHA`, a key `COMMIT_SHA:`, `COMMIT_SHA=…`, `$COMMIT_SHA`.

    Args:
        tree: the manifests.
        folders: the overlay folders, as paths in the tree.
        values: what the tokens stand for. They are put in as they are, and not looked through again.

    Returns:
        The manifests with the overlays' tokens replaced. Where a plain value of a YAML file holds a token, it
        is quoted.

    Raises:
        Refused: a token begins with `BRANCH_NAME` and is none of ours; names file, line and token.
    """
    beginnings = tuple(f"{folder.strip('/')}/" for folder in folders)
    filled: dict[str, bytes] = {}
    unknown: list[Refusal] = []
    for path in sorted(tree):
        data = tree[path]
        if not path.startswith(beginnings) or b"\0" in data:
            continue
        # Every byte is a character, so that text in any encoding comes out as it went in.
        text, encoding = _decoded(data)
        if _TOKEN.search(text) is None:
            continue
        found = _Filler(path, values.replacements)
        filled[path] = found.fill(text).encode(encoding)
        unknown += found.unknown
    if unknown:
        raise Rejection(tuple(unknown))
    return {path: filled.get(path, data) for path, data in tree.items()}


def left_over(objects: Iterable[Mapping[str, object]]) -> Iterator[tuple[Mapping[str, object], str, str]]:
    """Look for tokens in what was built, which came from files that none are replaced in.

    Args:
        objects: what was built.

    Yields:
        The object, the field, and the token.
    """
    for each in objects:
        waiting: list[tuple[str, object, bool]] = [("", each, False)]
        while waiting:
            field, value, named = waiting.pop()
            if isinstance(value, Mapping):
                listed = field.rpartition("[")[0].rpartition(".")[2]
                variable = "value" in value or "valueFrom" in value or listed == "env"
                for key, inner in value.items():
                    at = f"{field}.{key}" if field else str(key)
                    waiting += [
                        (f"a key of {field or 'the object'}", key, True),
                        (at, inner, (key == "name" and variable) or _refers(field, str(key))),
                    ]
            elif isinstance(value, list):
                waiting += [(f"{field}[{number}]", inner, False) for number, inner in enumerate(value)]
            elif isinstance(value, str) and not (named and _is_name(value)):
                for token in _tokens(value):
                    yield each, field, token[0]


class _Filler:
    """Fills in one file."""

    def __init__(self, path: str, replacements: Mapping[str, str]) -> None:
        self._path = path
        self._replacements = replacements
        self.unknown: list[Refusal] = []

    def fill(self, text: str, line: int = 1) -> str:
        """Fill in a text that begins in some line of the file."""
        yaml = self._path.endswith(_YAML)
        found = scalars(text, _TOKEN.search, kustomization=_is_kustomization(self._path)) if yaml else None
        parts: list[str] = []
        at, before = 0, line - 1
        for scalar in found or ():
            parts.append(self._plainly(text[at : scalar.start], line))
            parts.append(self._scalar(scalar, before + scalar.line))
            at, line = scalar.end, before + scalar.line + scalar.source.count("\n")
        return "".join((*parts, self._plainly(text[at:], line)))

    def _scalar(self, scalar: Scalar, line: int) -> str:
        if scalar.names and _is_name(scalar.value):
            return scalar.source
        if scalar.inline and (scalar.block or "\n" in scalar.value):
            filled = self.fill(scalar.value, line + scalar.block)
            return scalar.source if filled == scalar.value else scalar.holding(filled)
        filled = self._plainly(scalar.source, line)
        return quoted(filled) if scalar.plain and filled != scalar.source else filled

    def _plainly(self, text: str, line: int) -> str:
        parts: list[str] = []
        at = 0
        for token in _tokens(text):
            line += text.count("\n", at, token.start())
            replacement = self._replacements.get(token[0])
            if replacement is None:
                reason = f"unknown placeholder {token[0][:100]}; {_KNOWN}"
                self.unknown.append(Refusal(f"{self._path}:{line}", reason))
                replacement = token[0]
            parts += [text[at : token.start()], replacement]
            at = token.end()
        return "".join((*parts, text[at:]))


def _decoded(data: bytes) -> tuple[str, str]:
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """The tokens of a text, but for those that are, or end, the name of a variable."""
    return (token for token in _TOKEN.finditer(text) if not _is_variable(text, token))


def _is_variable(text: str, token: re.Match[str]) -> bool:
    start = token.start()
    while start and text[start - 1] in _CAPITALS:
        start -= 1
    before = text[max(0, start - len("[name=")) : start]
    if before.endswith(("$", "$(", "${", "[name=")):
        return True
    if not text.startswith("=", token.end()):
        return False
    near = max(0, start - _INDENTED)
    line = text.rfind("\n", near, start) + 1
    return bool(line or not near) and text[line:start].strip(" \t\"'-") in _ASSIGNED


def _is_name(text: str) -> bool:
    """Whether a text is the name of a variable, or the path of a patch to one."""
    return _CAPITALS.issuperset(text.rpartition("/")[2])


def _refers(holder: str, key: str) -> bool:
    """Whether a field names a key of a ConfigMap or Secret, which may be called like a token."""
    return key == "key" and holder.endswith("KeyRef")


def _is_kustomization(path: str) -> bool:
    return path.rpartition("/")[2].lower().partition(".")[0] == "kustomization"
