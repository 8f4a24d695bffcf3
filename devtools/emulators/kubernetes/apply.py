"""Server-side apply as a pure function: what an object becomes, and who owns which of its fields.

The rules are those of sigs.k8s.io/structured-merge-diff. Ownership is what makes an apply more than a patch:
a field that its manager leaves out goes, a field that another one set stays, and a field that another one
owns is not changed unless it is taken by force.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from devtools.emulators.kubernetes.fields import (
    SET,
    Path,
    by_element,
    decode,
    element,
    encode,
    flatten,
    is_atomic,
    list_keys,
    shown,
)

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Manager:
    """The writer of a request, as an entry of `managedFields` identifies it.

    One name may have an entry for apply and another one for update.
    """

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        text = f'"{self.name}"'
        text += f' with subresource "{self.subresource}"' if self.subresource else ""
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """The fields that a manager owns, and the time of its last change to any of them."""

    paths: frozenset[Path]
    time: str


Owners = dict[Manager, Ownership]


class FieldsConflict(Exception):
    """An apply would change fields that other managers own.

    Attributes:
        fields: each of these managers with one such field.
    """

    def __init__(self, fields: list[tuple[Manager, Path]]) -> None:
        super().__init__(_message(fields))
        self.fields = fields

    def causes(self) -> list[dict[str, str]]:
        """Return the causes for the `Status`."""
        return [
            {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": shown(path)}
            for manager, path in self.fields
        ]


def _message(fields: list[tuple[Manager, Path]]) -> str:
    if len(fields) == 1:
        ((manager, path),) = fields
        return f"Apply failed with 1 conflict: conflict with {manager}: {shown(path)}"
    lines = []
    for manager in sorted({manager for manager, _ in fields}, key=str):
        lines.append(f"conflicts with {manager}:")
        lines += [f"- {shown(path)}" for owner, path in fields if owner == manager]
    return f"Apply failed with {len(fields)} conflicts: " + "\n".join(lines)


def apply(live: Object, applied: Object, manager: Manager, *, force: bool, now: str) -> Object:
    """Merge an applied configuration into the stored object.

    Args:
        live: the stored object; an empty one if there is none.
        applied: every field that the manager wants to set.
        manager: the manager that applies.
        force: take over fields that others own, instead of failing.
        now: the time to record, RFC 3339.

    Returns:
        The merged object with its `managedFields`; `live` itself if nothing changes.

    Raises:
        FieldsConflict: other managers own fields that would change, and `force` is not set.
        UnreadableListError: an associative list lacks its keys.
    """
    owners = owners_of(live)
    wanted = frozenset(flatten(applied))
    # The same manager may have applied in another version (`BuildManagerIdentifier` in k8s.io/apimachinery).
    same = (each for each in owners if replace(each, api_version=manager.api_version) == manager)
    former = next(same, manager)
    before = owners.pop(former).paths if former in owners else frozenset()
    merged: Object = _merge(live, applied, "", "")

    owners[manager] = Ownership(paths=wanted, time=now)
    kept = frozenset[Path]().union(*(owner.paths for owner in owners.values()))
    if before - kept:
        merged = _without(merged, encode(before), encode(kept), "", "")

    old, new = flatten(live), flatten(merged)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    others = [owner for owner in owners if owner != manager]
    taken = [(other, path) for other in others for path in sorted(owners[other].paths & changed, key=_order)]
    if taken and not force:
        raise FieldsConflict(taken)
    if not changed and old.keys() == new.keys() and (former, before) == (manager, wanted):
        return live
    return with_owners(merged, _given_up(owners, others, changed | (old.keys() - new.keys())))


def updated(live: Object, new: Object, manager: Manager, *, now: str) -> Object:
    """Record the owners of fields after a write that is not an apply: the writer owns what it changed.

    Args:
        live: the object before the write; an empty one if there was none.
        new: the object after the write.
        manager: the writer.
        now: the time to record, RFC 3339.

    Returns:
        The new object with its `managedFields`.
    """
    old_fields, new_fields = flatten(live), flatten(new)
    changed = {
        path for path, value in new_fields.items() if path not in old_fields or old_fields[path] != value
    }
    gone = old_fields.keys() - new_fields.keys()
    owners = owners_of(live)
    if changed or gone:
        before = owners[manager].paths if manager in owners else frozenset()
        owners[manager] = Ownership(paths=(before | changed) - gone, time=now)
    return with_owners(new, _given_up(owners, owners.keys() - {manager}, changed | gone))


def owners_of(document: Object) -> Owners:
    """Parse an object's `managedFields`."""
    return {
        Manager(
            name=entry["manager"],
            operation=entry["operation"],
            api_version=entry["apiVersion"],
            subresource=entry.get("subresource", ""),
        ): Ownership(paths=frozenset(decode(entry["fieldsV1"])), time=entry["time"])
        for entry in document.get("metadata", {}).get("managedFields", ())
    }


def with_owners(document: Object, owners: Owners) -> Object:
    """Return the object with these `managedFields`; a manager that owns nothing is left out."""
    entries = [
        {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": manager.api_version,
            "time": ownership.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": encode(ownership.paths),
        }
        | ({"subresource": manager.subresource} if manager.subresource else {})
        for manager, ownership in owners.items()
        if ownership.paths
    ]
    entries.sort(key=lambda entry: (entry["operation"], entry["time"], entry["manager"]))
    metadata = {name: value for name, value in document["metadata"].items() if name != "managedFields"}
    return document | {"metadata": metadata | ({"managedFields": entries} if entries else {})}


def _order(path: Path) -> list[tuple[bool, str]]:
    """Return the API's sort key: at each level, fields that end there come before fields with subfields."""
    return [(depth < len(path) - 1, step) for depth, step in enumerate(path)]


def _given_up(owners: Owners, others: Iterable[Manager], paths: Iterable[Path]) -> Owners:
    lost = frozenset(paths)
    return owners | {other: replace(owners[other], paths=owners[other].paths - lost) for other in others}


def _merge(live: Any, applied: Any, name: str, parent: str) -> Any:
    if isinstance(live, dict) and isinstance(applied, dict) and not is_atomic(name):
        return live | {
            field: _merge(live[field], value, field, name) if field in live else value
            for field, value in applied.items()
        }
    keys = list_keys(name, parent) if isinstance(live, list) and isinstance(applied, list) else None
    return applied if keys is None else _merge_lists(live, applied, keys, name)


def _merge_lists(live: list[Any], applied: list[Any], keys: tuple[str, ...], name: str) -> list[Any]:
    """Merge two lists by key.

    Applied items come in the order in which they were applied. An item that is only in the live list keeps
    its place before the item that followed it.
    """
    standing, wanted = by_element(live, keys), by_element(applied, keys)
    if keys == SET:
        return list((standing | wanted).values())
    merged: dict[str, Any] = {}
    queue = iter(standing)
    following = next(queue, None)
    for spelled, item in wanted.items():
        while following is not None and following not in wanted:
            merged[following] = standing[following]
            following = next(queue, None)
        if following == spelled:
            following = next(queue, None)
        merged[spelled] = _merge(standing[spelled], item, name, "") if spelled in standing else item
    return list(
        (merged | {spelled: item for spelled, item in standing.items() if spelled not in merged}).values()
    )


def _without(value: Any, gone: Mapping[str, Any], kept: Mapping[str, Any], name: str, parent: str) -> Any:
    """Remove the fields of `gone` that are not in `kept`, and the maps and lists that this empties."""
    if isinstance(value, dict):
        left = {}
        for field, inner in value.items():
            step = f"f:{field}"
            if step in gone and step not in kept:
                if not gone[step] or "." in gone[step]:
                    continue
                inner_left = _without(inner, gone[step], {}, field, name)
                if inner_left in ({}, []):
                    continue
                left[field] = inner_left
            else:
                left[field] = _without(inner, gone[step], kept[step], field, name) if step in gone else inner
        return left
    keys = list_keys(name, parent) if isinstance(value, list) else None
    if keys is None:
        return value
    items = []
    for item in value:
        step = element(item, keys)
        if step in kept and step in gone and keys != SET:
            own = {field: item[field] for field in keys if field in item}
            items.append(_without(item, gone[step], kept[step], name, "") | own)
        elif step in kept or step not in gone:
            items.append(item)
    return items
