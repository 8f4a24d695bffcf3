"""Checks that every field of an object is in a table of allowed fields, and has the type that the table says.

There are three verdicts against a field:

* *unknown*: no published schema has it; the API server would drop it or refuse it.
* *refused*: the schema has it, and branches may not use it, for the reason in the table.
* *malformed*: its value has another type.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from coppice.manifests.fields import Fields, kind_id, quote
from provisioning.admission.tables import Definition, Tables, tables

_Path: TypeAlias = tuple[str | int, ...]

_METADATA, _ANNOTATIONS, _MAP = "ObjectMeta", "annotations", "map[string]"
_ANNOTATION_REASON = (
    "controllers obey annotations, and this one is not known to do nothing outside of the environment; "
    "leave it out of the branches' overlay"
)

SCALARS: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a string"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
    "quantity": ((str, int, float), "a quantity, as 100m or 1Gi"),
    "integer or string": ((int, str), "a whole number or a string"),
}

# A refused field with one of these values has no effect: the API server treats it as absent.
_ZERO_VALUES: tuple[object, ...] = (False, 0, "", [])

Verdict = Literal["unknown", "refused", "malformed"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A verdict against one field.

    Attributes:
        path: the field names and list positions that lead to it.
        verdict: one of the three verdicts.
        reason: the reason, as a part of a sentence.
    """

    path: _Path
    verdict: Verdict
    reason: str

    def __str__(self) -> str:
        where = _where(self.path)
        match self.verdict:
            case "unknown":
                return f"unknown field {where}: {self.reason}"
            case "refused":
                return f"{where} is not let through: {self.reason}"
            case "malformed":
                return f"{where} must be {self.reason}"


def findings(obj: Fields) -> Iterator[Finding]:
    """Check an object against the tables.

    Args:
        obj: any map. If no table has its kind, because a team has added it to ALLOWED_KINDS, only its
            metadata is checked. A Namespace is not checked, because it is never applied as it is written.

    Yields:
        Every finding.
    """
    known = tables()
    kind = kind_id(obj)
    if kind == "Namespace":
        return
    versions = known.kinds.get(kind)
    if versions is None:
        yield from _value(obj.get("metadata"), _METADATA, ("metadata",), known)
    elif (version := str(obj.get("apiVersion"))) in versions:
        yield from _value(obj, versions[version], (), known)
    else:
        served = ", ".join(sorted(versions))
        yield Finding(path=("apiVersion",), verdict="malformed", reason=f"one of {served}")


def _value(value: object, kind: str, path: _Path, known: Tables) -> Iterator[Finding]:
    if value is None or kind == "any":
        return
    types, description = _expected(kind)
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "boolean"):
        yield Finding(path=path, verdict="malformed", reason=description)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _item(item, kind.removeprefix("[]"), (*path, number), known)
    elif isinstance(value, dict) and kind in known.definitions:
        yield from _fields(value, known.definitions[kind], path, known)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _item(
                item, "string" if kind == _ANNOTATIONS else kind.removeprefix(_MAP), (*path, key), known
            )
            if kind == _ANNOTATIONS and not known.may_be_annotated(key):
                yield Finding(path=(*path, key), verdict="refused", reason=_ANNOTATION_REASON)


def _expected(kind: str) -> tuple[tuple[type, ...], str]:
    if kind.startswith("[]"):
        return (list,), "a list"
    return SCALARS.get(kind, ((dict,), "a map"))


def _item(value: object, kind: str, path: _Path, known: Tables) -> Iterator[Finding]:
    """In a list or a map with free keys, null is a value and does not mean absent."""
    if value is None:
        yield Finding(path=path, verdict="malformed", reason="something: it is null")
    else:
        yield from _value(value, kind, path, known)


def _fields(value: Fields, definition: Definition, path: _Path, known: Tables) -> Iterator[Finding]:
    for field, item in value.items():
        if item is None:
            continue
        if field in definition.allowed:
            yield from _value(item, definition.allowed[field], (*path, field), known)
        elif field not in definition.refused:
            allowed = ", ".join(sorted(definition.allowed))
            reason = f"what may stand there: {allowed}"
            yield Finding(path=(*path, field), verdict="unknown", reason=reason[:400])
        elif item not in _ZERO_VALUES:
            yield Finding(path=(*path, field), verdict="refused", reason=definition.refused[field])


def _where(path: _Path) -> str:
    """A path as text: `spec.containers[0].ports`. Any step that is no identifier is quoted and shortened."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isidentifier() and step.isascii() and len(step) <= 80:
            text += f".{step}" if text else step
        else:
            text += f"[{quote(step)}]"
    return text or "it"
