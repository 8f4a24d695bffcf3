"""Replaces the placeholders in a branch's overlays by its names and its commit.

Placeholders are plain tokens and no template language, so an overlay stays YAML that kustomize can build
without replacing them. A replacement is always a string, also if the branch is named `2024-11-06` or `null`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from coppice.manifests.archive import Tree
from coppice.manifests.rejection import Refusal, Rejection
from coppice.manifests.scalars import Scalar, find_scalars, quoted

# A token may follow any character (`feature-BRANCH_NAME`, `todo_BRANCH_NAME`), and ends before the first
# character that is no capital, digit or `_`. `COMMIT_SHA` with such a suffix is another word and stays;
# `BRANCH_NAME` with an unknown suffix is refused as a mistake.
_TOKEN = re.compile(r"BRANCH_NAME[A-Z0-9_]*|COMMIT_SHA(?![A-Z0-9_])", re.ASCII)
_CAPITALS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_ASSIGNMENT_PREFIXES = ("", "export")  # the text before the variable in a line `NAME=value`
_MAX_PREFIX = 40  # characters before the variable, with indentation
_YAML = (".yaml", ".yml", ".json", "Kustomization")
_KNOWN = "there are BRANCH_NAME, BRANCH_NAME_DB, COMMIT_SHA"


@dataclass(frozen=True, kw_only=True)
class Placeholders:
    """The replacements of the tokens.

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
        """Token → its replacement."""
        return {"BRANCH_NAME": self.slug, "BRANCH_NAME_DB": self.database, "COMMIT_SHA": self.commit}


def substitute(tree: Tree, folders: Iterable[str], values: Placeholders) -> Tree:
    """Replace the tokens in every text file of the overlay folders, and nowhere else.

    As in Git, a text file is one without a NUL byte. A variable whose name is a token keeps its name:
    `- name: COMMIT_SHA`, a key `COMMIT_SHA:`, `COMMIT_SHA=…`, `$COMMIT_SHA`.

    Args:
        tree: the manifests.
        folders: the overlay folders, as paths in the tree.
        values: the replacements. Tokens in a replacement are not replaced.

    Returns:
        The manifests with the overlays' tokens replaced. A plain scalar of a YAML file that holds a token is
        quoted.

    Raises:
        Rejection: a token begins with `BRANCH_NAME` and is unknown; it names file, line and token.
    """
    prefixes = tuple(f"{folder.strip('/')}/" for folder in folders)
    substituted: dict[str, bytes] = {}
    unknown: list[Refusal] = []
    for path in sorted(tree):
        data = tree[path]
        if not path.startswith(prefixes) or b"\0" in data:
            continue
        # Text that is not UTF-8 is decoded byte by byte, so that it is unchanged but for the tokens.
        text, encoding = _decoded(data)
        if _TOKEN.search(text) is None:
            continue
        substitution = _FileSubstitution(path, values.replacements)
        substituted[path] = substitution.apply(text).encode(encoding)
        unknown += substitution.unknown
    if unknown:
        raise Rejection(tuple(unknown))
    return {path: substituted.get(path, data) for path, data in tree.items()}


def left_over(objects: Iterable[Mapping[str, object]]) -> Iterator[tuple[Mapping[str, object], str, str]]:
    """Find tokens in built objects. They come from files outside the overlays, where none are replaced.

    Args:
        objects: the objects that kustomize built.

    Yields:
        The object, the field, and the token.
    """
    for each in objects:
        pending: list[tuple[str, object, bool]] = [("", each, False)]
        while pending:
            field, value, may_be_name = pending.pop()
            if isinstance(value, Mapping):
                list_name = field.rpartition("[")[0].rpartition(".")[2]
                is_variable = "value" in value or "valueFrom" in value or list_name == "env"
                for key, inner in value.items():
                    path = f"{field}.{key}" if field else str(key)
                    names = (key == "name" and is_variable) or _refers_to_key(field, str(key))
                    pending += [(f"a key of {field or 'the object'}", key, True), (path, inner, names)]
            elif isinstance(value, list):
                pending += [(f"{field}[{number}]", inner, False) for number, inner in enumerate(value)]
            elif isinstance(value, str) and not (may_be_name and _is_name(value)):
                for token in _tokens(value):
                    yield each, field, token[0]


class _FileSubstitution:
    """Replaces the tokens of one file, and collects the unknown ones."""

    def __init__(self, path: str, replacements: Mapping[str, str]) -> None:
        self._path = path
        self._replacements = replacements
        self.unknown: list[Refusal] = []

    def apply(self, text: str, line: int = 1) -> str:
        """Replace the tokens of a text that begins in the given line of the file."""
        is_yaml = self._path.endswith(_YAML)
        is_kustomization = _is_kustomization(self._path)
        found = find_scalars(text, _TOKEN.search, kustomization=is_kustomization) if is_yaml else None
        parts: list[str] = []
        position, offset = 0, line - 1
        for scalar in found or ():
            parts.append(self._replace_tokens(text[position : scalar.start], line))
            parts.append(self._scalar(scalar, offset + scalar.line))
            position, line = scalar.end, offset + scalar.line + scalar.source.count("\n")
        return "".join((*parts, self._replace_tokens(text[position:], line)))

    def _scalar(self, scalar: Scalar, line: int) -> str:
        if scalar.names and _is_name(scalar.value):
            return scalar.source
        if scalar.inline and (scalar.block or "\n" in scalar.value):
            value = self.apply(scalar.value, line + scalar.block)
            return scalar.source if value == scalar.value else scalar.source_for(value)
        source = self._replace_tokens(scalar.source, line)
        return quoted(source) if scalar.plain and source != scalar.source else source

    def _replace_tokens(self, text: str, line: int) -> str:
        parts: list[str] = []
        position = 0
        for token in _tokens(text):
            line += text.count("\n", position, token.start())
            replacement = self._replacements.get(token[0])
            if replacement is None:
                reason = f"unknown placeholder {token[0][:100]}; {_KNOWN}"
                self.unknown.append(Refusal(f"{self._path}:{line}", reason))
                replacement = token[0]
            parts += [text[position : token.start()], replacement]
            position = token.end()
        return "".join((*parts, text[position:]))


def _decoded(data: bytes) -> tuple[str, str]:
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """The tokens of a text, except those that are the name of a variable or the end of one."""
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
    earliest = max(0, start - _MAX_PREFIX)
    line = text.rfind("\n", earliest, start) + 1
    return bool(line or not earliest) and text[line:start].strip(" \t\"'-") in _ASSIGNMENT_PREFIXES


def _is_name(text: str) -> bool:
    """Whether a text may be the name of a variable, or the path of a JSON patch that ends in one."""
    return _CAPITALS.issuperset(text.rpartition("/")[2])


def _refers_to_key(holder: str, key: str) -> bool:
    """Whether a field holds the name of a key of a ConfigMap or Secret, which may be a token."""
    return key == "key" and holder.endswith("KeyRef")


def _is_kustomization(path: str) -> bool:
    return path.rpartition("/")[2].lower().partition(".")[0] == "kustomization"
