"""Where the values of a YAML file stand in its text, so that one of them can be changed and all else is left
to the byte.

Read as a stream of events, of which only what is looked for is kept: a file may hold hundreds of thousands.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import yaml

from coppice.manifests.documents import BadYaml, count

_INLINE = {"patch", "patchesStrategicMerge"}  # of a kustomization: YAML within YAML
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor, before what it is on
_BOM = "\ufeff"  # no mark counts it
# What JSON leaves as it is, and YAML takes for a line break or for nothing that may stand there.
_ESCAPED = {0x7F: "\\x7f", 0x85: "\\N", 0x2028: "\\L", 0x2029: "\\P", 0xFEFF: "\\uFEFF"}


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """A value, or a key.

    Attributes:
        start: where it begins in the text.
        end: where it ends.
        line: the line that it begins in, from 1.
        source: what stands there.
        value: what that says.
        plain: whether it is not quoted, so that YAML may take it for something else than text.
        names: whether it is a key, or names a variable or the key of a ConfigMap or Secret.
        inline: whether it is a patch that stands in a kustomization, and so YAML of its own.
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
        """Whether it stands indented below a `|` or `>`."""
        return self.source.startswith(("|", ">"))

    def holding(self, value: str) -> str:
        """Another value in its place, on as many lines."""
        text = json.dumps(value, ensure_ascii=False).translate(_ESCAPED)
        return text + "\n" * (self.source.count("\n") if self.block else 0)


def quoted(source: str) -> str:
    """A plain value as text. Its lines fold alike within quotes and without."""
    escaped = source.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def scalars(
    text: str, wanted: Callable[[str], object], *, kustomization: bool = False
) -> list[Scalar] | None:
    """Find values in a YAML file.

    Args:
        text: any number of documents.
        wanted: whether a value is looked for, from what stands in the text.
        kustomization: whether it is one.

    Returns:
        Those that are, in order; `None` if the text is not YAML, or none that this program reads.
    """
    reader = _Reader(text, wanted, kustomization=kustomization)
    try:
        count(text)
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            reader.take(event)
    except (BadYaml, yaml.YAMLError, ValueError):
        return None
    return reader.found


@dataclass
class _Collection:
    """A mapping or sequence that has not ended."""

    is_mapping: bool
    under: str  # the key that it, or the sequences around it, are the value of
    key: str | None = None  # in a mapping, the key whose value comes next
    named: list[int] = field(default_factory=list)  # which of those found is under `name`
    variable: bool = False


class _Reader:
    def __init__(self, text: str, wanted: Callable[[str], object], *, kustomization: bool) -> None:
        self.found: list[Scalar] = []
        self._text = text
        self._wanted = wanted
        self._kustomization = kustomization
        self._shift = text.startswith(_BOM)
        self._open: list[_Collection] = []

    def take(self, event: yaml.Event) -> None:
        inside = self._open[-1] if self._open else None
        if isinstance(event, yaml.CollectionStartEvent):
            under = (inside.key or "" if inside.is_mapping else inside.under) if inside else ""
            self._open.append(_Collection(isinstance(event, yaml.MappingStartEvent), under))
            return
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, inside)
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self._open.pop()
            for number in ended.named if ended.variable or ended.under == "env" else ():
                self.found[number] = replace(self.found[number], names=True)
            inside = self._open[-1] if self._open else None
        elif not isinstance(event, yaml.AliasEvent):
            return
        if inside and inside.is_mapping:
            is_key = inside.key is None
            inside.key = (event.value if isinstance(event, yaml.ScalarEvent) else "") if is_key else None
            inside.variable |= inside.key in {"value", "valueFrom"}

    def _scalar(self, event: yaml.ScalarEvent, inside: _Collection | None) -> None:
        first, last = event.start_mark, event.end_mark
        if first is None or last is None:  # which a parser never leaves out
            return
        start, end = first.index + self._shift, last.index + self._shift
        properties = _PROPERTIES.match(self._text, start, end)
        start = properties.end() if properties else start
        source = self._text[start:end]
        if not self._wanted(source):
            return
        is_key = bool(inside and inside.is_mapping and inside.key is None)
        key = (inside.key if inside.is_mapping else inside.under) if inside else ""
        if inside and inside.is_mapping and key == "name":
            inside.named.append(len(self.found))
        self.found.append(
            Scalar(
                start=start,
                end=end,
                line=first.line + 1,
                source=source,
                value=event.value,
                plain=event.style is None or event.style == "",
                names=is_key or self._refers(key or "", inside),
                inline=self._kustomization and not is_key and key in _INLINE,
            )
        )

    def _refers(self, key: str, inside: _Collection | None) -> bool:
        """Whether a value is the key of a ConfigMap or Secret: in a reference, or in the path of a patch."""
        if inside is None or not inside.is_mapping:
            return False
        patches = len(self._open) == 2 and not self._open[0].is_mapping
        return (key == "key" and inside.under.endswith("KeyRef")) or (key == "path" and patches)
