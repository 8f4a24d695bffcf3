"""The correlation ID: it names the event outside that led to a log line, a message or an annotation.

The event is a delivery of GitHub, an HTTP request, or an invocation of a timer. The trigger sets the ID, and
a queue message carries it as a stamp. No decision depends on it. The ID comes from outside, so its length and
its characters are limited: it can be written into a header, a log line or an annotation without escaping.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

ANNOTATION = "coppice.dev/correlation-id"
FIELD = "correlation_id"

_VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
_current: ContextVar[str] = ContextVar(FIELD, default="")


def accepted(text: object) -> str:
    """Return a correlation ID that came from outside, if it is valid.

    Args:
        text: the value that was received.

    Returns:
        The value; empty if it is invalid: not text, empty, longer than 64 characters, with characters other
        than ASCII letters, digits, `.`, `_`, `:` and `-`, or not beginning with a letter or a digit.
    """
    return text if isinstance(text, str) and _VALID.fullmatch(text) else ""


def current() -> str:
    """Return the correlation ID of the current context; empty outside of any trigger."""
    return _current.get()


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Set the correlation ID of everything inside the context.

    Args:
        correlation_id: the ID. An ID that `accepted` rejects counts as empty.

    Yields:
        Nothing; the previous ID is restored at the end.
    """
    token = _current.set(accepted(correlation_id))
    try:
        yield
    finally:
        _current.reset(token)


def carried(call: Callable[P, T]) -> Callable[P, T]:
    """Return the same function for use in other threads, where it has the current correlation ID.

    Args:
        call: the function that other threads call.

    Returns:
        A function with the same arguments and the same result.
    """
    context = copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(call, *args, **kwargs)  # a context cannot be entered by two threads

    return run


def annotation() -> Mapping[str, str]:
    """Return the annotation with the correlation ID; empty outside of any trigger."""
    return {ANNOTATION: current()} if current() else {}


class Logger(logging.LoggerAdapter[logging.Logger]):
    """A logger that adds the correlation ID to each line.

    The ID is part of the text, because the worker of Azure Functions passes nothing else on. It is also an
    attribute of the log record.
    """

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Append the ID to the line.

        Args:
            msg: the line's message.
            kwargs: the keyword arguments of the logging call.

        Returns:
            The message with the ID, and the keyword arguments with the ID as an extra attribute.
        """
        return self._told(f"{msg} ({FIELD} {current()})" if current() else msg, kwargs)

    def document(self, level: int, what: str, document: Mapping[str, object]) -> None:
        """Write a line of one word and a JSON object whose last field is the correlation ID.

        Args:
            level: the line's level.
            what: the word that queries search for.
            document: the object. Every value must be safe to show.
        """
        shown = {**document, FIELD: current()} if current() else document
        text, kwargs = self._told(json.dumps(shown, ensure_ascii=False), {})
        self.logger.log(level, "%s %s", what, text, **kwargs)

    def _told(self, text: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(kwargs.get("extra") or {}), FIELD: current()}
        return text, kwargs


def logger(name: str) -> Logger:
    """Return the logger of a name that adds the correlation ID to each line.

    Args:
        name: `coppice`, or a name below it.

    Returns:
        The logger.
    """
    return Logger(logging.getLogger(name), {})
