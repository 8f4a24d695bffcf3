"""Queues and messages in memory, by the rules of Azure Queue storage; no HTTP in here.

The clock is an argument, so that a test can let a week go by.
"""

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

MAX_TEXT = 64 * 1024  # bytes of UTF-8
_NEVER = 253402300799.0  # 9999-12-31T23:59:59Z, which the service returns for a message that never expires
_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9])+")


class RefusedError(Exception):
    """The service refuses a request.

    Attributes:
        status: the HTTP status.
        code: the storage error code, see https://learn.microsoft.com/rest/api/storageservices/queue-service-error-codes.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Message:
    """A stored message; times are seconds since 1970."""

    id: str
    text: str
    inserted: float
    expires: float
    visible_from: float
    receipt: str
    dequeued: int = 0


class Queues:
    """All queues of one account."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._queues: dict[str, dict[str, Message]] = {}

    def snapshot(self) -> dict[str, dict[str, Message]]:
        """Return a snapshot of every message, for `restore`."""
        return {name: dict(queue) for name, queue in self._queues.items()}

    def restore(self, taken: dict[str, dict[str, Message]]) -> None:
        """Restore a snapshot."""
        self._queues = {name: dict(queue) for name, queue in taken.items()}

    def names(self) -> list[str]:
        """Return the names of all queues, sorted."""
        return sorted(self._queues)

    def create(self, name: str) -> bool:
        """Create a queue; return whether it is new.

        Args:
            name: the queue's name.

        Returns:
            Whether the queue is new.

        Raises:
            RefusedError: 400, the name is not valid.
        """
        if not (_NAME.fullmatch(name) and 3 <= len(name) <= 63):
            raise RefusedError(400, "InvalidResourceName", f"{name!r} cannot name a queue.")
        new = name not in self._queues
        self._queues.setdefault(name, {})
        return new

    def delete(self, name: str) -> None:
        """Delete a queue with all its messages."""
        self._live(name)
        del self._queues[name]

    def count(self, name: str) -> int:
        """Return the number of messages, including the invisible ones."""
        return len(self._live(name))

    def put(self, name: str, text: str, *, delay: int = 0, ttl: int = 7 * 24 * 3600) -> Message:
        """Add a message.

        Args:
            name: the queue.
            text: the message's text.
            delay: seconds until the message is visible.
            ttl: seconds until the message expires; -1 for never.

        Returns:
            The message.

        Raises:
            RefusedError: the queue does not exist, the text is too long, or the message would expire before
                it is visible.
        """
        queue = self._live(name)
        _check_length(text)
        if ttl != -1 and delay >= ttl:
            raise RefusedError(
                400, "InvalidQueryParameterValue", "messagettl must be greater than visibilitytimeout."
            )
        now = self._now()
        message = Message(
            id=str(uuid.uuid4()),
            text=text,
            inserted=now,
            expires=_NEVER if ttl == -1 else min(now + ttl, _NEVER),
            visible_from=now + delay,
            receipt=uuid.uuid4().hex,
        )
        queue[message.id] = message
        return message

    def peek(self, name: str, *, limit: int) -> list[Message]:
        """Return the next visible messages without a change."""
        now = self._now()
        visible = [message for message in self._live(name).values() if message.visible_from <= now]
        return sorted(visible, key=lambda message: message.visible_from)[:limit]

    def take(self, name: str, *, limit: int, lock: int) -> list[Message]:
        """Return the next visible messages, hide them for `lock` seconds, and give each a new receipt.

        Args:
            name: the queue.
            limit: the most messages to return.
            lock: seconds for which the messages are hidden.

        Returns:
            The messages, with their new receipts.

        Raises:
            RefusedError: the queue does not exist.
        """
        taken = [
            replace(
                message,
                visible_from=self._now() + lock,
                receipt=uuid.uuid4().hex,
                dequeued=message.dequeued + 1,
            )
            for message in self.peek(name, limit=limit)
        ]
        self._queues[name].update({message.id: message for message in taken})
        return taken

    def update(self, name: str, message_id: str, receipt: str, *, delay: int, text: str | None) -> Message:
        """Hide a received message for another `delay` seconds, and replace its text unless `text` is None.

        Args:
            name: the queue.
            message_id: the message's id.
            receipt: its current receipt.
            delay: seconds for which it is hidden.
            text: its new text (None keeps the text).

        Returns:
            The message with a new receipt.

        Raises:
            RefusedError: the queue or the message does not exist, the receipt is not current, or the text is
                too long.
        """
        held = self._held(name, message_id, receipt)
        text = held.text if text is None else text
        _check_length(text)
        updated = replace(held, text=text, visible_from=self._now() + delay, receipt=uuid.uuid4().hex)
        self._queues[name][message_id] = updated
        return updated

    def remove(self, name: str, message_id: str, receipt: str) -> None:
        """Delete a received message.

        Args:
            name: the queue.
            message_id: the message's id.
            receipt: its current receipt.

        Raises:
            RefusedError: the queue or the message does not exist, or the receipt is not current.
        """
        self._held(name, message_id, receipt)
        del self._queues[name][message_id]

    def clear(self, name: str) -> None:
        """Delete all messages of a queue."""
        self._live(name).clear()

    def _live(self, name: str) -> dict[str, Message]:
        if name not in self._queues:
            raise RefusedError(404, "QueueNotFound", "The specified queue does not exist.")
        queue, now = self._queues[name], self._now()
        for message in [message for message in queue.values() if message.expires <= now]:
            del queue[message.id]
        return queue

    def _held(self, name: str, message_id: str, receipt: str) -> Message:
        message = self._live(name).get(message_id)
        if message is None:
            raise RefusedError(404, "MessageNotFound", "The specified message does not exist.")
        if message.receipt != receipt:
            raise RefusedError(
                400, "PopReceiptMismatch", "The pop receipt is not that of the last dequeue or update."
            )
        return message


def _check_length(text: str) -> None:
    if len(text.encode()) > MAX_TEXT:
        raise RefusedError(413, "RequestBodyTooLarge", f"A message has at most {MAX_TEXT} bytes.")
