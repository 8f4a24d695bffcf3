"""The correlation ID: what happened outside, told by every log line, message and annotation that it led to.

It is GitHub's delivery, the HTTP request, or the timer's invocation. The trigger sets it, a queue message
carries it on as a stamp, and nothing that decides reads it. It comes from outside, so its length and its
characters are bounded: it may stand in a header, a log line and an annotation as it is.
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
    """A correlation ID as it came from outside.

    Args:
        text: whatever stood in its place.

    Returns:
        The same; empty if it is none: no text, empty, longer than 64 characters, or with characters other
        than letters, digits, `.`, `_`, `:` and `-`.
    """
    return text if isinstance(text, str) and _VALID.fullmatch(text) else ""


def current() -> str:
    """The correlation ID of what is being done; empty outside of any trigger."""
    return _current.get()


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Let everything inside bear a correlation ID.

    Args:
        correlation_id: the ID; what `accepted` does not let through is none.
    """
    token = _current.set(accepted(correlation_id))
    try:
        yield
    finally:
        _current.reset(token)


def carried(call: Callable[P, T]) -> Callable[P, T]:
    """The same call, for other threads: there it bears the correlation ID of the thread that asks for it.

    Args:
        call: what other threads do.
    """
    context = copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(call, *args, **kwargs)  # no two threads can be in one context

    return run


def annotation() -> Mapping[str, str]:
    """The annotation that says what led to a write; none outside of any trigger."""
    return {ANNOTATION: current()} if current() else {}


class Logger(logging.LoggerAdapter[logging.Logger]):
    """A logger of which every line bears the correlation ID.

    It stands in the text, for Azure's worker passes nothing else on, and beside it as an attribute of the
    record.
    """

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Put the ID behind the line."""
        return self._told(f"{msg} ({FIELD} {current()})" if current() else msg, kwargs)

    def document(self, level: int, what: str, document: Mapping[str, object]) -> None:
        """Write a line of one word and a JSON object, which has the ID as its last field.

        Args:
            level: the line's level.
            what: the word, by which queries find such lines.
            document: the object; every value is safe to show.
        """
        shown = {**document, FIELD: current()} if current() else document
        text, kwargs = self._told(json.dumps(shown, ensure_ascii=False), {})
        self.logger.log(level, "%s %s", what, text, **kwargs)

    def _told(self, text: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(kwargs.get("extra") or {}), FIELD: current()}
        return text, kwargs


def logger(name: str) -> Logger:
    """The logger of a name, with the correlation ID in each of its lines.

    Args:
        name: `coppice`, or a name below it.
    """
    return Logger(logging.getLogger(name), {})
