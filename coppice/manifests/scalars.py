"""Finds scalars in the text of a YAML file, so that one can be replaced and every other byte stays as it is.

The file is read as a stream of events, and only the matching scalars are kept: a file may have hundreds of
thousands.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import yaml

from coppice.manifests.documents import BadYaml, count

_INLINE = {"patch", "patchesStrategicMerge"}  # fields of a kustomization that may hold YAML in YAML
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # anchor and tag, before their node
_BOM = "\ufeff"  # the positions of YAML events do not count it
# JSON does not escape these, and YAML reads them as line breaks or does not allow them.
_ESCAPED = {0x7F: "\\x7f", 0x85: "\\N", 0x2028: "\\L", 0x2029: "\\P", 0xFEFF: "\\uFEFF"}


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """A scalar of a YAML file: a value or a key.

    Attributes:
        start: its first position in the text.
        end: the position after it.
        line: the number of its first line, counted from 1.
        source: its text in the file.
        value: its value.
        plain: whether it is a plain scalar, which YAML may read as something else than a string.
        names: whether it is a key, or names a variable or the key of a ConfigMap or Secret.
        inline: whether it is an inline patch of a kustomization, and so holds YAML itself.
    """

    start: int
    end: int
    line: int
    source: str
    value: str
    plain: bool
    names: bool
    inline: bool

    @property
    def block(self) -> bool:
        """Whether it is a block scalar, indented below a `|` or `>`."""
        return self.source.startswith(("|", ">"))

    def source_for(self, value: str) -> str:
        """The source text for another value, with as many lines as this scalar has."""
        text = json.dumps(value, ensure_ascii=False).translate(_ESCAPED)
        return text + "\n" * (self.source.count("\n") if self.block else 0)


def quoted(source: str) -> str:
    """Quote the source of a plain scalar. Line folding is the same in plain and in quoted scalars."""
    escaped = source.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def find_scalars(
    text: str, matches: Callable[[str], object], *, kustomization: bool = False
) -> list[Scalar] | None:
    """Find scalars in a YAML file.

    Args:
        text: any number of documents.
        matches: whether a scalar is to be returned, from its source.
        kustomization: whether the file is a kustomization.

    Returns:
        The matching scalars in order; `None` if the text is not YAML, or is YAML that `documents` refuses.
    """
    finder = _Finder(text, matches, kustomization=kustomization)
    try:
        count(text)
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            finder.add(event)
    except (BadYaml, yaml.YAMLError, ValueError):
        return None
    return finder.found


@dataclass
class _Collection:
    """An open mapping or sequence."""

    is_mapping: bool
    parent_key: str  # the key whose value is the collection, or a sequence around it
    key: str | None = None  # in a mapping, the key whose value comes next
    names: list[int] = field(default_factory=list)  # indexes of the found scalars under the key `name`
    is_variable: bool = False


class _Finder:
    def __init__(self, text: str, matches: Callable[[str], object], *, kustomization: bool) -> None:
        self.found: list[Scalar] = []
        self._text = text
        self._matches = matches
        self._kustomization = kustomization
        self._offset = text.startswith(_BOM)
        self._open: list[_Collection] = []

    def add(self, event: yaml.Event) -> None:
        inside = self._open[-1] if self._open else None
        if isinstance(event, yaml.CollectionStartEvent):
            parent = (inside.key or "" if inside.is_mapping else inside.parent_key) if inside else ""
            self._open.append(_Collection(isinstance(event, yaml.MappingStartEvent), parent))
            return
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, inside)
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = self._open.pop()
            for index in closed.names if closed.is_variable or closed.parent_key == "env" else ():
                self.found[index] = replace(self.found[index], names=True)
            inside = self._open[-1] if self._open else None
        elif not isinstance(event, yaml.AliasEvent):
            return
        if inside and inside.is_mapping:
            is_key = inside.key is None
            inside.key = (event.value if isinstance(event, yaml.ScalarEvent) else "") if is_key else None
            inside.is_variable |= inside.key in {"value", "valueFrom"}

    def _scalar(self, event: yaml.ScalarEvent, inside: _Collection | None) -> None:
        first, last = event.start_mark, event.end_mark
        if first is None or last is None:  # never with this parser; the types allow it
            return
        start, end = first.index + self._offset, last.index + self._offset
        properties = _PROPERTIES.match(self._text, start, end)
        start = properties.end() if properties else start
        source = self._text[start:end]
        if not self._matches(source):
            return
        is_key = bool(inside and inside.is_mapping and inside.key is None)
        key = (inside.key if inside.is_mapping else inside.parent_key) if inside else ""
        if inside and inside.is_mapping and key == "name":
            inside.names.append(len(self.found))
        self.found.append(
            Scalar(
                start=start,
                end=end,
                line=first.line + 1,
                source=source,
                value=event.value,
                plain=event.style is None or event.style == "",
                names=is_key or self._refers_to_key(key or "", inside),
                inline=self._kustomization and not is_key and key in _INLINE,
            )
        )

    def _refers_to_key(self, key: str, inside: _Collection | None) -> bool:
        """Whether a value is the key of a ConfigMap or Secret: in a reference, or in the path of a patch."""
        if inside is None or not inside.is_mapping:
            return False
        patches = len(self._open) == 2 and not self._open[0].is_mapping
        return (key == "key" and inside.parent_key.endswith("KeyRef")) or (key == "path" and patches)
