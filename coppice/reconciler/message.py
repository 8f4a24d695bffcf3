"""Queue messages: a key, which says what to look at, and stamps, which decide nothing.

A message is a key, never an instruction: whoever takes it looks at the world and acts on what is there. Any
other field is ignored, so that older and newer versions of the program can read each other's messages.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from coppice.reconciler.correlation import accepted, current
from coppice.reconciler.times import parse_time

_FIRST_SEEN = "firstSeen"
_CORRELATION_ID = "correlationId"


@dataclass(frozen=True, kw_only=True)
class Stamps:
    """What travels with a key.

    Args:
        first_seen: when the work was first put off; `None` if it was not.
        correlation_id: what led to the message; empty if nobody knows.
    """

    first_seen: datetime | None = None
    correlation_id: str = ""

    @classmethod
    def now(cls) -> "Stamps":
        """The stamps of a message that is written now, for the first time."""
        return cls(correlation_id=current())


NONE = Stamps()


def encode(key: Mapping[str, str], stamps: Stamps = NONE) -> str:
    """Write a queue message, before base64.

    Args:
        key: the fields of the key.
        stamps: what travels with it.

    Returns:
        ASCII JSON: the key's fields, then those stamps that there are (`firstSeen` in RFC 3339,
        `correlationId`).
    """
    first_seen = {} if stamps.first_seen is None else {_FIRST_SEEN: stamps.first_seen.isoformat()}
    led_by = {_CORRELATION_ID: stamps.correlation_id} if accepted(stamps.correlation_id) else {}
    return json.dumps({**key, **first_seen, **led_by})


def decode(text: str | bytes, *fields: str) -> tuple[Mapping[str, str], Stamps]:
    """Read a queue message.

    Args:
        text: the message's body, after base64.
        fields: the fields of the key.

    Returns:
        The key's fields and the stamps. A stamp that is not what it should be counts as none: it may not
        decide whether the key is looked at.

    Raises:
        ValueError: the message does not hold such a key, and why; it never will, so it belongs into the
            poison queue.
    """
    message = _object(text, fields)
    return {field: _text(message, field) for field in fields}, _stamps(message)


def stamps_of(text: str | bytes) -> Stamps:
    """The stamps of a message, whatever else is wrong with it.

    Args:
        text: the message's body, after base64.
    """
    try:
        return _stamps(_object(text, ()))
    except ValueError:
        return NONE


def _object(text: str | bytes, fields: tuple[str, ...]) -> Mapping[str, object]:
    try:
        message = json.loads(text)
    except RecursionError:
        raise ValueError("The message is nested too deeply to be one of ours.") from None
    except ValueError as error:
        raise ValueError(f"The message is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise ValueError(  # noqa: TRY004 - the text is wrong, not the argument's type
            f"The message is {_kind(message)}: it needs to be an object with {' and '.join(fields)}."
        )
    return message


def _text(message: Mapping[str, object], field: str) -> str:
    value = message.get(field)
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - as above
            f"The message's {field} is {_kind(value)}: it needs to be text."
        )
    return value


def _stamps(message: Mapping[str, object]) -> Stamps:
    try:
        first_seen = parse_time(message.get(_FIRST_SEEN))
    except ValueError:
        first_seen = None
    return Stamps(first_seen=first_seen, correlation_id=accepted(message.get(_CORRELATION_ID)))


def _kind(value: object) -> str:
    return "missing or null" if value is None else f"of type {type(value).__name__}"
