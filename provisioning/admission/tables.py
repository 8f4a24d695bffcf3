"""What an overlay may say, field by field: the tables in `allowed/`.

A list of what is bad lets through whatever nobody thought of. So the tables hold every field that is let
through, with its type, and beside them those that are not, each with the reason.
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
    """All of them.

    Attributes:
        kinds: `group/Kind` → apiVersion → the name of the definition that an object of it begins with.
        definitions: by their names.
        annotations: globs of the annotations that are let through.
    """

    kinds: Mapping[str, Mapping[str, str]]
    definitions: Mapping[str, Definition]
    annotations: tuple[str, ...]

    def may_be_annotated(self, key: str) -> bool:
        """Whether an annotation is let through; one without a prefix is nobody's but the user's own.

        See https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/.
        """
        return "/" not in key or any(fnmatchcase(key, glob) for glob in self.annotations)


@cache
def tables() -> Tables:
    """Read the tables, once."""
    kinds: dict[str, dict[str, str]] = {}
    definitions: dict[str, Definition] = {}
    for file in sorted(_FOLDER.glob("*.yaml")):
        if file == _ANNOTATIONS:
            continue
        said: Any = load(file.read_bytes())
        for called, definition in said["kinds"].items():
            version, kind = called.split()
            group = version.rpartition("/")[0]
            kinds.setdefault(f"{group}/{kind}" if group else kind, {})[version] = definition
        for name, sides in said["definitions"].items():
            definitions[name] = Definition(sides.get("allowed") or {}, sides.get("refused") or {})
    annotations: Any = load(_ANNOTATIONS.read_bytes())
    return Tables(kinds, definitions, tuple(glob for group in annotations.values() for glob in group))
