"""How much a branch may bring, and that it is plain data.

Comes first: what is neither endless nor odd can be looked through by the other families without care.
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
    """What stands against the objects as a whole."""
    if len(objects) > OBJECTS:
        return (Refusal("overlay", f"builds {len(objects)} objects; at most {OBJECTS} are let through"),)
    odd = tuple(
        Refusal(f"object {number}", reason)
        for number, obj in enumerate(objects, start=1)
        if (reason := _oddity(obj))
    )
    if odd:
        return odd
    size = sum(len(json.dumps(obj, ensure_ascii=False).encode(errors="surrogatepass")) for obj in objects)
    if size > BYTES:
        return (Refusal("overlay", f"builds {size} bytes of JSON; at most {BYTES} are let through"),)
    return ()


def _oddity(obj: object) -> str:
    """Why it is not plain JSON of a sane size. Without recursion, since depth is one of the questions."""
    if not isinstance(obj, dict):
        return "is not a map"
    waiting: list[tuple[object, int]] = [(obj, 1)]
    values = 0
    while waiting:
        value, depth = waiting.pop()
        values += 1 + (len(value) if isinstance(value, str) else 0)
        if depth > DEPTH or values > BYTES:
            return f"nests deeper than {DEPTH} levels, or unfolds to more than {BYTES} values and characters"
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                return "has a key that is no string"
            waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)
        elif not _is_scalar(value):
            return f"has a value that JSON does not know ({type(value).__name__})"
    return ""


def _is_scalar(value: object) -> bool:
    if isinstance(value, int):
        return value in _INTEGERS
    return value is None or isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))
