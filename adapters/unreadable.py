"""What SDKs raise when they build their objects from an answer that is none of their service's: a portal's
page, half a body, JSON of another shape. None of them checks, so it surfaces as whatever breaks first.
"""

from urllib3.exceptions import NewConnectionError

UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,  # JSON nested too deeply
    TypeError,
    ValueError,
)


def root_cause(error: BaseException) -> str:
    """Say what broke, without the wrappings of the libraries between: those say little and print much.

    Args:
        error: what an SDK raised.

    Returns:
        The innermost error; of a connection that was not made, with the address that nothing answered at.
    """
    inner = error
    while (held := _held(inner)) is not None:
        inner = held
    if isinstance(inner, NewConnectionError) and isinstance(inner.__context__, OSError):
        at = getattr(inner, "conn", None)
        why = inner.__context__.strerror or inner.__context__
        return f"nothing answers at {at.host}:{at.port}: {why}" if at else str(why)
    return str(inner) or repr(inner)


def _held(error: BaseException) -> BaseException | None:
    """The error that another one was made of."""
    parts = (getattr(error, "inner_exception", None), getattr(error, "reason", None), *error.args)
    return next((part for part in parts if isinstance(part, BaseException) and part is not error), None)


def retry_after_seconds(header: str | None) -> float | None:
    """Read `Retry-After`; the form that is a date is not honoured, for none of our systems sends it.

    Args:
        header: the header's value, if it was sent.

    Returns:
        Seconds, at the most an hour: who asks for more is asked again by then.
    """
    text = (header or "").strip()
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None
