"""Times as they stand in messages, annotations and records: RFC 3339, with a zone."""

from datetime import datetime


def parse_time(text: object) -> datetime:
    """Read a time.

    Args:
        text: what is to be one.

    Returns:
        The time, in the zone that it names.

    Raises:
        ValueError: it is no text, no time, or a time without a zone.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no time")  # noqa: TRY004 - what was read is wrong, not the call
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} is a time without a zone")
    return time
