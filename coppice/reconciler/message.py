"""Queue messages: a key, which says what to reconcile, and stamps, which affect no decision.

A message is a key and not an instruction: the run that takes it observes the current state and acts on that.
All other fields are ignored, so that older and newer versions of the program can read each other's messages.
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
    """What a message holds besides the key.

    Args:
        first_seen: when the key was first put back onto its queue; `None` if it never was.
        correlation_id: the correlation ID of the event that led to the message; empty if it is not known.
    """

    first_seen: datetime | None = None
    correlation_id: str = ""

    @classmethod
    def now(cls) -> "Stamps":
        """Return the stamps of a new message: the current correlation ID and nothing else."""
        return cls(correlation_id=current())


NONE = Stamps()


def encode(key: Mapping[str, str], stamps: Stamps = NONE) -> str:
    """Write a queue message, before base64.

    Args:
        key: the fields of the key.
        stamps: the stamps of the message.

    Returns:
        ASCII JSON with the key's fields and with those stamps that have a value: `firstSeen` (RFC 3339) and
        `correlationId`. An invalid correlation ID is left out.
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
        The key's fields and the stamps. An invalid stamp counts as missing, so that it cannot keep the key
        from being reconciled.

    Raises:
        ValueError: the message does not hold such a key, and why. Trying again does not help, so the message
            belongs into the poison queue.
    """
    message = _object(text, fields)
    return {field: _text(message, field) for field in fields}, _stamps(message)


def stamps_of(text: str | bytes) -> Stamps:
    """Return the stamps of a message, even if its key is invalid.

    Args:
        text: the message's body, after base64.

    Returns:
        The stamps; empty ones if the message is not a JSON object.
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
