"""Errors about answers that cannot be read, whichever SDK raises them.

An SDK builds its objects without checking the answer. A proxy's login page, half a body, or JSON of another
shape therefore surfaces as whatever breaks first.
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
    """Describe the error behind the errors that libraries wrap around it.

    Args:
        error: what an SDK raised.

    Returns:
        The innermost error as text. If no connection was made, the text has the address.
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
    """The error that another one wraps."""
    parts = (getattr(error, "inner_exception", None), getattr(error, "reason", None), *error.args)
    return next((part for part in parts if isinstance(part, BaseException) and part is not error), None)


def retry_after_seconds(header: str | None) -> float | None:
    """Parse the header `Retry-After`. Its form as a date is ignored: none of our systems sends it.

    Args:
        header: the header's value, if there is one.

    Returns:
        Seconds, an hour at most; `None` if there are none.
    """
    text = (header or "").strip()
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None
