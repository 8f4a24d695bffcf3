"""What SDKs raise when they build their objects from an answer that is none of their service's: a portal's
page, half a body, JSON of another shape. None of them checks, so it surfaces as whatever breaks first.
"""

UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,  # JSON nested too deeply
    TypeError,
    ValueError,
)


def seconds(header: str | None) -> float | None:
    """Read `Retry-After`; the form that is a date is not honoured, for none of our systems sends it.

    Args:
        header: the header's value, if it was sent.

    Returns:
        Seconds, at the most an hour: who asks for more is asked again by then.
    """
    text = (header or "").strip()
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None
