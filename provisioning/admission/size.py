"""Limits the number and size of a branch's objects, and checks that they are plain JSON data.

This check comes first, so that the other families can traverse the objects safely.
"""

import json
import math
from collections.abc import Mapping, Sequence

from coppice.manifests.rejection import Refusal

OBJECTS = 500
BYTES = 5_000_000  # of JSON, all objects together
DEPTH = 100

_INTEGERS = range(-(2**63), 2**64)


def refusals(objects: Sequence[Mapping[str, object]]) -> tuple[Refusal, ...]:
    """Check the objects of an environment together.

    Args:
        objects: all objects; their values may be of any type.

    Returns:
        Every reason of the first kind found: the number of objects, their content, or their size.
    """
    if len(objects) > OBJECTS:
        return (Refusal("overlay", f"builds {len(objects)} objects; at most {OBJECTS} are let through"),)
    invalid = tuple(
        Refusal(f"object {number}", reason)
        for number, obj in enumerate(objects, start=1)
        if (reason := _reason(obj))
    )
    if invalid:
        return invalid
    size = sum(len(json.dumps(obj, ensure_ascii=False).encode(errors="surrogatepass")) for obj in objects)
    if size > BYTES:
        return (Refusal("overlay", f"builds {size} bytes of JSON; at most {BYTES} are let through"),)
    return ()


def _reason(obj: object) -> str:
    """Why an object is not plain JSON of limited size; empty if it is. No recursion: it may nest deeply."""
    if not isinstance(obj, dict):
        return "is not a map"
    pending: list[tuple[object, int]] = [(obj, 1)]
    values = 0
    while pending:
        value, depth = pending.pop()
        values += 1 + (len(value) if isinstance(value, str) else 0)
        if depth > DEPTH or values > BYTES:
            return f"nests deeper than {DEPTH} levels, or unfolds to more than {BYTES} values and characters"
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                return "has a key that is no string"
            pending.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            pending.extend((item, depth + 1) for item in value)
        elif not _is_scalar(value):
            return f"has a value that JSON does not know ({type(value).__name__})"
    return ""


def _is_scalar(value: object) -> bool:
    if isinstance(value, int):
        return value in _INTEGERS
    return value is None or isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))
