"""The key of an environment, and the queue message that carries it: which one, and nothing else."""

import json
from datetime import datetime


def to_message(environment: str, first_seen: datetime | None = None) -> str:
    """Write the queue message, before base64.

    Args:
        environment: the environment's name.
        first_seen: when the work that the message stands for was first put off, with a time zone.

    Returns:
        JSON with the key `environment`, and `firstSeen` (RFC 3339) if it was given.
    """
    stamps = {} if first_seen is None else {"firstSeen": first_seen.isoformat()}
    return json.dumps({"environment": environment} | stamps)


def from_message(text: str | bytes) -> tuple[str, datetime | None]:
    """Read a queue message.

    Args:
        text: the message's body, after base64.

    Returns:
        The environment, and when the work was first put off. Other keys are ignored, and so is a stamp that
        is no time: it may not decide whether an environment is looked at.

    Raises:
        ValueError: the message names no environment; it never will, so it belongs into the poison queue.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The message is not JSON: {error}") from error
    environment = message.get("environment") if isinstance(message, dict) else None
    if not isinstance(environment, str) or not environment:
        raise ValueError("The message names no environment: it needs to be an object with one.")
    return environment, _time(message.get("firstSeen"))


def _time(stamp: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
    return time if time and time.tzinfo else None
