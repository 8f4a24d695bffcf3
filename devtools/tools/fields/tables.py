"""The guard's tables of fields: decisions made by hand, carried over to the current schemas."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from devtools.tools.fields.schemas import Definitions

FOLDER = Path(__file__).parents[3] / "provisioning" / "admission" / "allowed"
UNJUDGED = "not judged yet"

_HEAD = """\
# Which fields an overlay may use, by the definitions of {source}.
#
# `python -m devtools.tools.fields` writes this file: fields and types from the published schemas, what was
# decided about each from the file as it stood. A field that is new stands under `refused` as "{unjudged}";
# judge it by hand: move it to `allowed`, or say there why not. A test holds the file against the schemas.
"""


@dataclass
class Table:
    """The content of one file.

    Args:
        kinds: `apiVersion kind` → the definition of its root.
        definitions: definition → field → type.
        refused: definition → field → why the field is not allowed.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    definitions: Definitions = field(default_factory=dict)
    refused: dict[str, dict[str, str]] = field(default_factory=dict)


def read(text: str) -> Table:
    """Parse a file."""
    said: dict[str, Any] = yaml.safe_load(text) or {}
    table = Table(kinds=dict(said.get("kinds") or {}))
    for name, definition in (said.get("definitions") or {}).items():
        table.definitions[name] = dict(definition.get("allowed") or {})
        table.refused[name] = dict(definition.get("refused") or {})
    return table


def write(table: Table, source: str) -> str:
    """Return the text of a file."""
    definitions = {}
    for name in sorted(table.definitions):
        refused = table.refused.get(name, {})
        allowed = {
            each: kind for each, kind in sorted(table.definitions[name].items()) if each not in refused
        }
        sides = {"allowed": allowed, "refused": dict(sorted(refused.items()))}
        definitions[name] = {side: fields for side, fields in sides.items() if fields}
    said = {"kinds": table.kinds, "definitions": definitions}
    body = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=110)
    return _HEAD.format(source=source, unjudged=UNJUDGED) + body


def decided(fresh: Table, before: Table) -> Table:
    """Apply the decisions of a file to the current schemas.

    Args:
        fresh: every field of the schemas.
        before: the current file.

    Returns:
        The definitions that allowed fields reach. A field without a decision is refused.
    """
    found = Table(kinds=fresh.kinds)
    waiting = list(dict.fromkeys(fresh.kinds.values()))
    while waiting:
        name = waiting.pop()
        if name in found.definitions or name not in fresh.definitions:
            continue
        fields = fresh.definitions[name]
        found.definitions[name] = fields
        found.refused[name] = {
            each: before.refused.get(name, {}).get(each, UNJUDGED)
            for each in fields
            if each not in before.definitions.get(name, {})
        }
        allowed = [kind for each, kind in fields.items() if each not in found.refused[name]]
        waiting += [kind.removeprefix("map[string]").removeprefix("[]") for kind in allowed]
    return found
