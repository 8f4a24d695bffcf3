"""Fields of the wrong type: the mistakes that YAML invites, such as a label whose value is a bare number.

The real server knows every field from its schemas. The emulator knows the common ones and accepts the rest
unchecked. An apply gets a 500 without a reason for these, anything else a 400.
"""

from collections.abc import Iterator
from typing import Any

from devtools.emulators.kubernetes.fields import element, list_keys, shown
from devtools.emulators.kubernetes.kinds import Kind

Object = dict[str, Any]

_TYPES: dict[str, type | tuple[type, ...]] = {"map": dict, "list": list, "string": str}
_TYPES["numeric (int or float)"] = (int, float)
_STRINGS = {"annotations", "data", "labels", "matchLabels", "stringData"}  # maps of strings
_NAMED_STRINGS = {
    ("value", "env"),
    ("image", "containers"),
    ("image", "initContainers"),
    ("name", "metadata"),
}
_MAPS = {"metadata", "spec", "template", "jobTemplate", "selector"} | _STRINGS


def mistakes(kind: Kind, document: Object) -> list[str]:
    """List the fields of a document that have the wrong type, in the API server's words.

    Args:
        kind: the expected kind; of custom kinds only the metadata is checked.
        document: the request's body.
    """
    known = {"metadata": document.get("metadata", {})} if kind.custom else document
    return list(_mistakes(known, (), ""))


def _mistakes(value: Object, path: tuple[str, ...], name: str) -> Iterator[str]:
    for field, inner in value.items():
        here = (*path, f"f:{field}")
        expected = _expected(field, name)
        if inner is None or expected is None:
            continue
        if not isinstance(inner, _TYPES[expected]) or (isinstance(inner, bool) and expected != "map"):
            yield f"{shown(here)}: expected {expected}, got {inner!r}"
        elif isinstance(inner, dict):
            yield from _mistakes(inner, here, field)
        elif isinstance(inner, list):
            yield from _mistakes_of_items(inner, here, field, name)


def _mistakes_of_items(items: list[Any], path: tuple[str, ...], name: str, parent: str) -> Iterator[str]:
    keys = list_keys(name, parent)
    for item in items:
        if keys and not isinstance(item, dict):
            yield f"{shown(path)}: expected map, got {item!r}"
        elif keys and all(key in item for key in keys[:1]):
            yield from _mistakes(item, (*path, element(item, keys)), name)


def _expected(field: str, parent: str) -> str | None:
    if parent in _STRINGS or (field, parent) in _NAMED_STRINGS:
        return "string"
    if field == "replicas":
        return "numeric (int or float)"
    if list_keys(field, parent) is not None:
        return "list"
    if field == "status" and not parent:  # the `status` of a condition is a string
        return "map"
    return "map" if field in _MAPS else None
