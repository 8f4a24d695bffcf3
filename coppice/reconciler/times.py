"""Times in messages, annotations and records: RFC 3339, with a time zone."""

from datetime import datetime


def parse_time(text: object) -> datetime:
    """Read a time.

    Args:
        text: the value to read.

    Returns:
        The time, in the time zone that it names.

    Raises:
        ValueError: the value is not text, is not a time, or has no time zone.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no time")  # noqa: TRY004 - what was read is wrong, not the call
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} is a time without a zone")
    return time
