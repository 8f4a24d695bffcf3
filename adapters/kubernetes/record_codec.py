"""Records and requests as the data of ConfigMaps, and back."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from adapters.kubernetes.configmap_store import KIND, SYSTEM
from coppice.components.namespace import BRANCH, PART_OF, REPOSITORY
from coppice.environment.key import Key
from coppice.environment.records import Record, RecordSet, Request, Stall
from coppice.environment.references import CredentialRef, ObjectRef, SharedName
from coppice.reconciler.errors import Failure, Rejected
from coppice.reconciler.times import parse_time

_MEND = {
    "record": "mend it, or delete it: then a sweep writes it anew, and what it alone knew of stays",
    "request": "delete it, and ask again by PUT or DELETE /api/environments/<branch>",
}


def record_data(record: Record) -> dict[str, str]:
    """Write a record as the data of a ConfigMap.

    Args:
        record: the record.

    Returns:
        The data.
    """

    def objects(refs: Iterable[ObjectRef]) -> str:
        return json.dumps([[ref.api_version, ref.kind, ref.name] for ref in refs])

    data = {
        "namespace": record.namespace,
        "identities": json.dumps(dict(record.identities)),
        "credentials": json.dumps([[ref.identity, ref.name] for ref in record.credentials]),
        "rendered": record.rendered,
        "inventory": objects(record.inventory),
        "pruning": objects(record.pruning),
        "receipt": json.dumps(dict(record.receipt)),
    }
    if record.digests:
        data["digests"] = json.dumps(dict(record.digests))
    if record.whole_at is not None:
        data["whole_at"] = record.whole_at.isoformat()
    if record.database:
        data["database"] = record.database
    if record.monitored:
        data["monitored"] = json.dumps([[*record.monitored]])
    if record.part_pending:
        data["part"] = "pending"
    if record.trusted_from is not None:
        data["trusted_from"] = record.trusted_from.isoformat()
    if record.undone is not None:
        data["undone"] = record.undone.isoformat()
    if record.stall is not None:
        data["stall"] = json.dumps({**asdict(record.stall), "at": record.stall.at.isoformat()})
    return data


def parse_records(config_maps: Iterable[Any], *, digests: bool = True) -> RecordSet:
    """Parse ConfigMaps that hold records and requests.

    Args:
        config_maps: the ConfigMaps.
        digests: whether to keep the digests of the records' objects; they are half of a record.

    Returns:
        All of them, and those that cannot be parsed.
    """
    records: list[Record] = []
    requests: list[Request] = []
    unparseable: dict[str, Failure] = {}
    # Most environments have objects of the same names. A reference is kept once, not once in each record.
    reference = cache(ObjectRef)
    for each in config_maps:
        metadata = each["metadata"]
        kind = metadata["labels"].get(KIND)
        try:
            if kind == "record":
                records.append(_record(metadata, each.get("data") or {}, reference, digests=digests))
            elif kind == "request":
                requests.append(_request(metadata, each.get("data") or {}))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            where = f"ConfigMap {SYSTEM}/{metadata['name']}"
            why = f"{where} cannot be read as a {kind} ({error!r}): {_MEND[str(kind)]}"
            unparseable[metadata["labels"].get(PART_OF, "")] = Rejected(why)
    return RecordSet(records=tuple(records), requests=tuple(requests), unparseable=unparseable)


def _key(metadata: Mapping[str, Any]) -> Key:
    annotations = metadata["annotations"]
    return Key(repository=annotations[REPOSITORY], branch=annotations[BRANCH])


def _texts(text: str) -> dict[str, str]:
    """Parse a JSON object whose values are strings."""
    read = json.loads(text)
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise ValueError(f"{text[:80]!r} does not hold texts by name")
    return read


def _rows(text: str) -> list[list[str]]:
    """Parse a JSON array of arrays of strings."""
    read = json.loads(text)
    if not isinstance(read, list) or not all(
        isinstance(row, list) and all(isinstance(each, str) for each in row) for row in read
    ):
        raise ValueError(f"{text[:80]!r} does not hold rows of texts")
    return read


def _monitored(text: str) -> tuple[SharedName, ...]:
    """Parse where a branch is monitored. Records of earlier versions say `true`, and not where."""
    if text == "true":
        return tuple(SharedName)
    return tuple(SharedName(name) for row in _rows(text) for name in row)


def _stall(text: str) -> Stall:
    written = _texts(text)
    return Stall(at=parse_time(written.pop("at")), **written)


def _record(
    metadata: Mapping[str, Any],
    data: Mapping[str, str],
    reference: Callable[..., ObjectRef],
    *,
    digests: bool,
) -> Record:
    def objects(text: str) -> tuple[ObjectRef, ...]:
        return tuple(reference(*row) for row in _rows(text))

    noted = _texts(data.get("digests", "{}"))
    return Record(
        key=_key(metadata),
        slug=metadata["labels"][PART_OF],
        namespace=data["namespace"],
        identities=_texts(data.get("identities", "{}")),
        credentials=tuple(CredentialRef(*row) for row in _rows(data.get("credentials", "[]"))),
        rendered=data.get("rendered", ""),
        inventory=objects(data.get("inventory", "[]")),
        digests=noted if digests else {},
        whole_at=parse_time(data["whole_at"]) if "whole_at" in data else None,
        pruning=objects(data.get("pruning", "[]")),
        receipt=_texts(data.get("receipt", "{}")),
        stall=_stall(data["stall"]) if "stall" in data else None,
        database=data.get("database", ""),
        monitored=_monitored(data.get("monitored", "[]")),
        part_pending=data.get("part") == "pending",
        trusted_from=parse_time(data["trusted_from"]) if "trusted_from" in data else None,
        undone=parse_time(data["undone"]) if "undone" in data else None,
        version=metadata["resourceVersion"],
    )


def _request(metadata: Mapping[str, Any], data: Mapping[str, str]) -> Request:
    if data["action"] not in {"hold", "apply"}:
        raise ValueError(f"action {data['action']!r} is neither hold nor apply")
    parse_time(data["at"])
    return Request(
        key=_key(metadata),
        slug=metadata["labels"][PART_OF],
        action="hold" if data["action"] == "hold" else "apply",
        commit=data["commit"],
        at=data["at"],
        version=metadata["resourceVersion"],
    )
