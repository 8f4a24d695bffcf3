"""The fields of an object as server-side apply counts them: paths, spelled as in `managedFields`.

Which lists are merged by key, and which values are one field as a whole, the API's schemas say. Here a table
of the well-known ones stands for them; what is not in it is merged if it is a map, and is one field if it is
a list: https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

Path = tuple[str, ...]  # elements `f:<field>`, `k:<key fields as JSON>` and `v:<value as JSON>`

SET = ()  # the keys of a list whose items are their own keys
_NAME = ("name",)
_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": _NAME,
    "initContainers": _NAME,
    "env": _NAME,
    "volumes": _NAME,
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": _NAME,
    "secrets": _NAME,
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "conditions": ("type",),
    "listeners": _NAME,
    "ownerReferences": ("uid",),
    "finalizers": SET,
}
_PORT_KEYS: Mapping[str, tuple[str, ...]] = {  # by the field that contains the ports
    "containers": ("containerPort", "protocol"),
    "initContainers": ("containerPort", "protocol"),
    "spec": ("port", "protocol"),
}
_DEFAULTS = {"protocol": "TCP"}
_ATOMIC = frozenset(
    {"selector", "nodeSelector", "podSelector", "labelSelector", "roleRef"}
    | {"configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"}
)
# No manager owns the fields that the server sets, nor those that identify the object.
_UNMANAGED = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"}
    | {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"}
)
_ITEM = object()  # marks a list item itself, whose fields have paths of their own


class UnreadableListError(ValueError):
    """A list that is merged by key has an item without its key, or two items with the same key."""


def list_keys(name: str, parent: str) -> tuple[str, ...] | None:
    """Return the fields that identify the items of a list; `SET` for a set, None if the list is atomic.

    Args:
        name: the field that contains the list.
        parent: the field that contains that field.
    """
    return _PORT_KEYS.get(parent) if name == "ports" else _KEYS.get(name)


def is_atomic(name: str) -> bool:
    """Return whether a map is atomic, that is, one field as a whole."""
    return name in _ATOMIC


def element(item: Any, keys: tuple[str, ...]) -> str:
    """Return the path element of a list item.

    Raises:
        UnreadableListError: the item lacks a key field.
    """
    if keys == SET:
        return "v:" + json.dumps(item)
    try:
        key = {name: item[name] if name in item else _DEFAULTS[name] for name in keys}
    except (KeyError, TypeError):
        raise UnreadableListError(f"element of an associative list lacks a key field of {keys}") from None
    return "k:" + json.dumps(key, sort_keys=True, separators=(",", ":"))


def by_element(items: Iterable[Any], keys: tuple[str, ...], path: Path = ()) -> dict[str, Any]:
    """Index the items of a list by their path elements.

    Args:
        items: the items of the list.
        keys: the fields that identify an item (`SET` for a set).
        path: the path of the list, for the error message.

    Returns:
        Path element → item, in the order of the list.

    Raises:
        UnreadableListError: two items have the same keys, or an item lacks them.
    """
    indexed: dict[str, Any] = {}
    for item in items:
        spelled = element(item, keys)
        if spelled in indexed:
            raise UnreadableListError(f"{shown(path)}: duplicate entries for key {shown((spelled,))}")
        indexed[spelled] = item
    return indexed


def flatten(document: Mapping[str, Any]) -> dict[Path, Any]:
    """Return every field that can be owned, with its value.

    Two objects differ if and only if their results differ.
    """
    flat: dict[Path, Any] = {}
    for name, value in document.items():
        if name == "metadata":
            kept = {inner: field for inner, field in value.items() if inner not in _UNMANAGED}
            if kept:
                _flatten(kept, (f"f:{name}",), name, "", flat)
        elif name not in {"apiVersion", "kind"}:
            _flatten(value, (f"f:{name}",), name, "", flat)
    return flat


def _flatten(value: Any, path: Path, name: str, parent: str, flat: dict[Path, Any]) -> None:
    if isinstance(value, dict) and value and name not in _ATOMIC:
        for inner, field in value.items():
            _flatten(field, (*path, f"f:{inner}"), inner, name, flat)
        return
    keys = list_keys(name, parent) if isinstance(value, list) else None
    if keys is None:
        flat[path] = value
        return
    for spelled, item in by_element(value, keys, path).items():
        flat[*path, spelled] = _ITEM
        if keys != SET:
            for inner, field in item.items():
                _flatten(field, (*path, spelled, f"f:{inner}"), inner, name, flat)


def encode(paths: Iterable[Path]) -> dict[str, Any]:
    """Encode paths as the nested maps of `fieldsV1`; `.` marks an owned field that contains owned fields."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):  # a path sorts before those within it
        node = tree
        for depth, step in enumerate(path):
            if step not in node:
                node[step] = {}
            elif not node[step] and depth < len(path) - 1:
                node[step] = {".": {}}
            node = node[step]
    return tree


def decode(tree: Mapping[str, Any], path: Path = ()) -> set[Path]:
    """Decode `fieldsV1` into paths."""
    paths: set[Path] = set()
    for step, inner in tree.items():
        if step == ".":
            paths.add(path)
        elif inner:
            paths |= decode(inner, (*path, step))
        else:
            paths.add((*path, step))
    return paths


def shown(path: Path) -> str:
    """Return a path in the form of messages: `.spec.containers[name="web"].image`."""
    text = ""
    for step in path:
        sort, _, rest = step.partition(":")
        if sort == "f":
            text += f".{rest}"
        elif sort == "v":
            text += f"[={rest}]"
        else:
            keys = json.loads(rest).items()
            text += "[" + ",".join(f"{name}={json.dumps(value)}" for name, value in keys) + "]"
    return text
