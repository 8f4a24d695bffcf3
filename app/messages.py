"""Writes and processes queue messages, for the functions of both queues."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar

import azure.functions as func

from coppice.reconciler.correlation import correlated, current, logger
from coppice.reconciler.message import Stamps, encode, stamps_of
from coppice.reconciler.report import Report
from coppice.reconciler.requeue import requeue_after

Key = TypeVar("Key")

_log = logger("coppice")
_SHOWN = 2000  # characters of a poison message that are logged


class Queue(Protocol):
    """A queue of keys."""

    def put(self, message: str, *, delay: float = 0) -> None:
        """Put a message on the queue."""


def enqueue(out: func.Out[str], key: Mapping[str, str]) -> None:
    """Put a key with the current correlation ID on the queue of an output binding, and log it.

    Args:
        out: the output binding.
        key: the key's fields.
    """
    out.set(encode(key, Stamps.now()))
    _log.document(logging.INFO, "queued", key)


def work(
    msg: func.QueueMessage,
    context: func.Context,
    *,
    read: Callable[[bytes], tuple[Key, Stamps]],
    write: Callable[[Key, Stamps], str],
    reconcile: Callable[[Key], Report | None],
    queue: Callable[[], Queue],
    now: Callable[[], datetime],
) -> None:
    """Reconcile the key of a message, log the report, and requeue the key if the run has to wait.

    Args:
        msg: the message.
        context: the invocation; its ID is the correlation ID if the message has none.
        read: parses a message.
        write: encodes a message.
        reconcile: runs once and returns the report; `None` if there is nothing to reconcile.
        queue: returns the queue for the key; called only if the key is requeued.
        now: the clock.

    Raises:
        ValueError: the message holds no key.
    """
    body = msg.get_body()
    with correlated(stamps_of(body).correlation_id or context.invocation_id):
        try:
            key, stamps = read(body)
        except ValueError as unreadable:
            _log.error("unreadable message: %s", unreadable)
            raise
        report = reconcile(key)
        if report is None:
            return
        report.log()
        later = requeue_after(report.outcome, replace(stamps, correlation_id=current()), now=now())
        if later is not None:
            again, delay = later
            queue().put(write(key, again), delay=delay)


def log_poison(msg: func.QueueMessage, context: func.Context) -> None:
    """Log a poison message as an error, because nothing processes it again.

    Args:
        msg: the message; it failed five times.
        context: the invocation; its ID is the correlation ID if the message has none.
    """
    body = msg.get_body()
    with correlated(stamps_of(body).correlation_id or context.invocation_id):
        _log.document(logging.ERROR, "poison", {"message": body.decode(errors="replace")[:_SHOWN]})
