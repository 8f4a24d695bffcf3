"""Loads the tables of allowed fields in `allowed/`.

A deny-list admits whatever nobody thought of. So the tables list every allowed field with its type, and every
refused field with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from coppice.manifests.documents import load

_FOLDER = Path(__file__).parent / "allowed"
_ANNOTATIONS = _FOLDER / "annotations.yaml"


@dataclass(frozen=True)
class Definition:
    """The fields of one definition.

    Attributes:
        allowed: field → type: `string`, `[]Container`, `map[string]quantity`, `any`, …
        refused: field → why it is not let through.
    """

    allowed: Mapping[str, str]
    refused: Mapping[str, str]


@dataclass(frozen=True)
class Tables:
    """All tables.

    Attributes:
        kinds: `group/Kind` → apiVersion → the name of the definition of such an object.
        definitions: name → definition.
        annotations: globs of the allowed annotations.
    """

    kinds: Mapping[str, Mapping[str, str]]
    definitions: Mapping[str, Definition]
    annotations: tuple[str, ...]

    def may_be_annotated(self, key: str) -> bool:
        """Whether an annotation is allowed. Annotations without a prefix are reserved for users.

        See https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/.

        Args:
            key: the annotation's key.
        """
        return "/" not in key or any(fnmatchcase(key, glob) for glob in self.annotations)


@cache
def tables() -> Tables:
    """Load the tables; later calls return the same ones."""
    kinds: dict[str, dict[str, str]] = {}
    definitions: dict[str, Definition] = {}
    for file in sorted(_FOLDER.glob("*.yaml")):
        if file == _ANNOTATIONS:
            continue
        content: Any = load(file.read_bytes())
        for name, definition in content["kinds"].items():
            version, kind = name.split()
            group = version.rpartition("/")[0]
            kinds.setdefault(f"{group}/{kind}" if group else kind, {})[version] = definition
        for name, fields in content["definitions"].items():
            definitions[name] = Definition(fields.get("allowed") or {}, fields.get("refused") or {})
    annotations: Any = load(_ANNOTATIONS.read_bytes())
    return Tables(kinds, definitions, tuple(glob for group in annotations.values() for glob in group))
