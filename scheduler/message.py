"""The key of an environment, and the queue message that carries it: which environment, and nothing about
what it should be.
"""

import json
from datetime import datetime


def to_message(environment: str, *, first_seen: datetime | None = None) -> str:
    """Write the queue message.

    Args:
        environment: the environment's name.
        first_seen: since when it has been waiting.

    Returns:
        JSON with the key `environment`, and `firstSeen` (RFC 3339) if it was given.
    """
    stamps = {} if first_seen is None else {"firstSeen": first_seen.isoformat()}
    return json.dumps({"environment": environment, **stamps})


def from_message(text: str | bytes) -> tuple[str, datetime | None]:
    """Read a queue message.

    Args:
        text: the message's body.

    Returns:
        The environment's name, and since when it has been waiting. A stamp that is no time is ignored.

    Raises:
        ValueError: the message names no environment.
    """
    try:
        message = json.loads(text)
    except RecursionError:
        raise ValueError("the message is nested too deeply to be one of ours") from None
    environment = message.get("environment") if isinstance(message, dict) else None
    if not isinstance(environment, str) or not environment:
        raise ValueError('the message names no environment: expected {"environment": "<name>"}')
    try:
        first_seen = datetime.fromisoformat(message.get("firstSeen"))
    except (TypeError, ValueError):
        return environment, None
    return environment, first_seen if first_seen.tzinfo else None
