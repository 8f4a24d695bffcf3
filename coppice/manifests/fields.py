"""Reads fields of objects whose shape nobody vouches for.

A field that is absent or null reads as empty, as it does for the API server. One of another type is
`Malformed`: what cannot be read cannot be judged.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

Fields = Mapping[str, object]

_T = TypeVar("_T")
_SHOWN = 80


class Malformed(Exception):
    """A field is not of the type that it is read as; the message names both."""


def mapping(holder: Fields, *path: str) -> Fields:
    """The map at a path of field names; empty where any of them is absent."""
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


def shown(value: object) -> str:
    """A value as it may stand in a message: quoted, short, printable."""
    text = value if isinstance(value, str) else "" if value is None else type(value).__name__
    return repr(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")


def _items(holder: Fields, name: str) -> Sequence[object]:
    value = holder.get(name)
    return [] if value is None else _typed(value, list, name, "a list")


def _typed(value: object, wanted: type[_T], path: str, called: str) -> _T:
    if not isinstance(value, wanted):
        raise Malformed(f"{path} must be {called}")
    return value


def kind_id(obj: Fields) -> str:
    """An object's kind as `ALLOWED_KINDS` writes it: `apps/Deployment`, `Service`; of anything, something."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    kind = str(obj.get("kind", ""))
    return f"{group}/{kind}" if group else kind
