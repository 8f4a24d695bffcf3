"""The stored objects, their resource versions, and the pages of lists.

Objects are never changed in place. A write puts a new one in the place of the old, so that a list or a page
that was taken before stays as it was, and reading needs no copy. There is no lock: each request is answered
by the one thread of the event loop without a pause, from its first read to its last write.

An object stands once, whatever version of its group it is written or read in:
https://kubernetes.io/docs/reference/using-api/#api-groups.
"""

import base64
import binascii
import itertools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devtools.emulators.kubernetes import status, versions
from devtools.emulators.kubernetes.kinds import BY_NAME, STORED, Kind

Object = dict[str, Any]
Key = tuple[Kind, str, str]  # kind, namespace (empty if there is none) and name

_KEPT_LISTS = 100


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The contents of a store at one moment.

    Objects are never changed in place, so copies of the tables are enough.
    """

    tables: dict[Kind, dict[tuple[str, str], Object]]
    revision: int
    lists: dict[str, list[Object]]
    touched: dict[Key, None]
    removed: list[tuple[str, str]]


class Store:
    """All objects of the emulator.

    Args:
        clock: returns the time, with its zone.

    Attributes:
        clock: the same clock.
        touched: objects that no controller has seen since they, or their dependents, were written or removed,
            in that order.
        removed: namespace and uid of each removed object that garbage collection has not seen, in that order.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.touched: dict[Key, None] = {}
        self.removed: list[tuple[str, str]] = []
        self._tables: dict[Kind, dict[tuple[str, str], Object]] = {kind: {} for kind in STORED}
        self._revisions = itertools.count(1)
        self._revision = 0
        self._lists: dict[str, list[Object]] = {}

    @property
    def revision(self) -> str:
        """The resource version of the last write."""
        return str(self._revision)

    def now(self) -> str:
        """Return the time in the form of objects: RFC 3339, UTC, whole seconds."""
        return self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return an object, or None if it does not exist."""
        found = self._tables[versions.stored_kind(kind)].get((namespace, name))
        return versions.served(kind, found) if found is not None and kind.stored else found

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return an object.

        Raises:
            ApiError: 404, the object does not exist.
        """
        found = self.find(kind, namespace, name)
        if found is None:
            raise status.not_found(kind, name)
        return found

    def objects(self, kind: Kind, namespace: str = "") -> list[Object]:
        """Return the objects of a kind, sorted by namespace and name; an empty namespace means all."""
        table = self._tables[versions.stored_kind(kind)]
        found = [table[place] for place in sorted(table) if not namespace or place[0] == namespace]
        return [versions.served(kind, each) for each in found] if kind.stored else found

    def contents(self, namespace: str) -> list[tuple[Kind, Object]]:
        """Return all objects in a namespace."""
        return [
            (kind, found)
            for kind, table in self._tables.items()
            if kind.namespaced
            for (home, _), found in table.items()
            if home == namespace
        ]

    def dump(self) -> dict[str, list[Object]]:
        """Return all objects, by kind."""
        return {kind.resource: list(table.values()) for kind, table in self._tables.items() if table}

    def snapshot(self) -> Stored:
        """Return a snapshot of the contents, for `restore`."""
        return Stored(
            tables={kind: dict(table) for kind, table in self._tables.items()},
            revision=self._revision,
            lists=dict(self._lists),
            touched=dict(self.touched),
            removed=list(self.removed),
        )

    def restore(self, stored: Stored) -> None:
        """Restore a snapshot."""
        self._tables = {kind: dict(table) for kind, table in stored.tables.items()}
        self._revision, self._revisions = stored.revision, itertools.count(stored.revision + 1)
        self._lists = dict(stored.lists)
        self.touched, self.removed = dict(stored.touched), list(stored.removed)

    def save(self, kind: Kind, new: Object) -> Object:
        """Store an object with a new resource version, and return it with that version."""
        self._revision = next(self._revisions)
        new = new | {"metadata": new["metadata"] | {"resourceVersion": self.revision}}
        stored = versions.stored_kind(kind)
        self._tables[stored][self._touch(stored, new)] = versions.stored(kind, new) if kind.stored else new
        return new

    def drop(self, kind: Kind, gone: Object) -> None:
        """Remove an object."""
        self._revision = next(self._revisions)
        kind = versions.stored_kind(kind)
        place = self._touch(kind, gone)
        del self._tables[kind][place]
        self.removed.append((place[0], gone["metadata"]["uid"]))

    def _touch(self, kind: Kind, changed: Object) -> tuple[str, str]:
        metadata = changed["metadata"]
        place = (metadata.get("namespace", ""), metadata["name"])
        self.touched[kind, *place] = None
        for owner in metadata.get("ownerReferences", ()):
            if owner["kind"] in BY_NAME:
                self.touched[BY_NAME[owner["kind"]], place[0], owner["name"]] = None
        return place

    def page(
        self, found: list[Object], *, chosen: Callable[[Object], bool], limit: int, token: str
    ) -> tuple[list[Object], str, int]:
        """Return one page of a list; the pages after it show the same list, even after later writes.

        Args:
            found: the current list; if a token is given, the list of that token is used instead.
            chosen: returns whether an object is shown. As in the real server, objects that are not shown
                still count as remaining, so the last page may be empty.
            limit: the most objects of a page; 0 means all.
            token: the `continue` of the previous page; empty for the first page.

        Returns:
            The objects, the token of the next page, and how many objects remain.

        Raises:
            ApiError: 400, the token is not valid; 410, its list is no longer kept.
        """
        start, name = _read_token(token) if token else (0, "")
        if token:
            if name not in self._lists:
                raise status.expired()
            found = self._lists[name]
        items: list[Object] = []
        for place in range(start, len(found)):
            if limit and len(items) == limit:
                return items, _token(place, name or self._keep(found)), len(found) - place
            if chosen(found[place]):
                items.append(found[place])
        return items, "", 0

    def _keep(self, found: list[Object]) -> str:
        name = uuid.uuid4().hex
        self._lists[name] = found
        if len(self._lists) > _KEPT_LISTS:
            del self._lists[next(iter(self._lists))]
        return name


def _token(start: int, name: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"rv": name, "start": start}).encode()).decode()


def _read_token(token: str) -> tuple[int, str]:
    try:
        content = json.loads(base64.urlsafe_b64decode(token))
        return int(content["start"]), str(content["rv"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise status.bad_request(f"continue key is not valid: {error}") from None
