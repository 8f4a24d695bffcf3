"""Typed access to the fields of objects that come from a branch.

An absent or null field reads as empty, as it does for the API server. A field of another type raises
`Malformed`, because a value that cannot be read cannot be checked either.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

Fields = Mapping[str, object]

_T = TypeVar("_T")
_MAX_QUOTED = 80


class Malformed(Exception):
    """A field does not have the expected type; the message names the field and the type."""


def mapping(holder: Fields, *path: str) -> Fields:
    """The map at a path of field names; empty if any of the fields is absent."""
    found: object = holder
    for depth, name in enumerate(path, start=1):
        found = _typed(found, dict, ".".join(path[: depth - 1]), "a map").get(name)
        if found is None:
            return {}
    return _typed(found, dict, ".".join(path), "a map")


def mappings(holder: Fields, name: str) -> Sequence[Fields]:
    """The list of maps in a field."""
    return [_typed(item, dict, f"{name}[]", "a map") for item in _items(holder, name)]


def strings(holder: Fields, name: str) -> Sequence[str]:
    """The list of strings in a field."""
    return [_typed(item, str, f"{name}[]", "a string") for item in _items(holder, name)]


def string(holder: Fields, name: str) -> str:
    """The string in a field."""
    value = holder.get(name)
    return "" if value is None else _typed(value, str, name, "a string")


def value_at(holder: object, *path: str) -> Any:
    """The value at a path of field names, of whatever type; `None` if any of the fields is absent."""
    for name in path:
        holder = holder.get(name) if isinstance(holder, Mapping) else None
    return holder


def edited(holder: Mapping[str, Any], path: Sequence[str], edit: Callable[[Any], Any]) -> Mapping[str, Any]:
    """Copy an object with the value at one path edited.

    Args:
        holder: the object; it is not changed, and the copy shares all its other values.
        path: the field names that lead to the value, at least one. A map that is absent on the way is added.
        edit: makes the new value out of the old one, or out of an empty map if it is absent.

    Returns:
        The copy.
    """
    field, *rest = path
    old = holder.get(field) or {}
    return {**holder, field: edited(old, rest, edit) if rest else edit(old)}


def quote(value: object) -> str:
    """A value for a message: in quotes, printable, and cut after 80 characters."""
    text = value if isinstance(value, str) else "" if value is None else type(value).__name__
    return repr(text[:_MAX_QUOTED]) + ("…" if len(text) > _MAX_QUOTED else "")


def kind_id(obj: Fields) -> str:
    """An object's kind as `ALLOWED_KINDS` writes it: `apps/Deployment`, `Service`.

    Never raises: the fields of the object may be of any type.
    """
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    kind = str(obj.get("kind", ""))
    return f"{group}/{kind}" if group else kind


def name_of(obj: Fields) -> str:
    """An object's `metadata.name`."""
    return string(mapping(obj, "metadata"), "name")


def display_name(obj: Fields) -> str:
    """An object as refusals name it: `apps/Deployment web`."""
    return f"{kind_id(obj)} {name_of(obj)}"


def _items(holder: Fields, name: str) -> Sequence[object]:
    value = holder.get(name)
    return [] if value is None else _typed(value, list, name, "a list")


def _typed(value: object, expected: type[_T], path: str, description: str) -> _T:
    if not isinstance(value, expected):
        raise Malformed(f"{path} must be {description}")
    return value
