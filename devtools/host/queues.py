"""Queue triggers: messages in base64, in batches, tried again until they go to `<queue>-poison`.

The rules are those of the WebJobs SDK's queue listener and processor, which Functions runs on:
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger.
"""

import base64
import binascii
import logging
import math
import threading
import time
from collections.abc import Callable
from functools import partial

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueClient
from azure.storage.queue import QueueMessage as StoredMessage

from devtools.host.bindings import Function, QueueTrigger
from devtools.host.invoke import Invoker, queue_message
from devtools.host.options import HostOptions
from devtools.host.storage import Storage

_log = logging.getLogger("host")
LOCK = 600  # seconds, as in Functions
_SHORTEST_POLL, _LONGEST_POLL = 0.1, 1.0  # seconds
_POISON = "-poison"


class _Lease:
    """A message that this host has received.

    One thread may renew it while another one ends it.
    """

    def __init__(self, queue: QueueClient, message: StoredMessage, *, seconds: int) -> None:
        self.message = message
        self._queue = queue
        self._seconds = seconds
        self._receipt = message.pop_receipt
        self._renew_at = time.monotonic() + seconds / 2
        self._lock = threading.Lock()
        self._ended = False

    def renew_if_due(self) -> None:
        with self._lock:
            if not self._ended and time.monotonic() >= self._renew_at:
                self._hide(self._seconds)
                self._renew_at = time.monotonic() + self._seconds / 2

    def delete(self) -> None:
        with self._lock:
            self._ended = True
            self._queue.delete_message(self.message.id, self._receipt)

    def release(self, delay: float) -> None:
        with self._lock:
            self._ended = True
            self._hide(math.ceil(delay))

    def _hide(self, seconds: int) -> None:
        updated = self._queue.update_message(
            self.message.id, pop_receipt=self._receipt, visibility_timeout=seconds
        )
        self._receipt = updated.pop_receipt


class QueueListener:
    """Passes the messages of one queue to one function."""

    def __init__(
        self,
        function: Function,
        trigger: QueueTrigger,
        *,
        options: HostOptions,
        storage: Storage,
        invoker: Invoker,
        stopping: threading.Event,
        lock: int = LOCK,
    ) -> None:
        """Initialize the listener; no message is received before `start`.

        Args:
            function: the function that receives the messages.
            trigger: the function's trigger.
            options: batch size, attempts and delays.
            storage: the queues.
            invoker: runs the function.
            stopping: the event that is set when no more messages may be received.
            lock: seconds for which a message is hidden while it is processed; renewed after half of that
                time.
        """
        self._function = function
        self._trigger = trigger
        self._options = options
        self._storage = storage
        self._lock = lock
        self._invoker = invoker
        self._queue = storage.queue(connection=trigger.connection, name=trigger.queue)
        # A poison queue has no poison queue of its own: a message that fails there is hidden until its lock
        # ends.
        self._poison = None if trigger.queue.endswith(_POISON) else trigger.queue + _POISON
        self._look = storage.written(connection=trigger.connection, name=trigger.queue)
        self._stopping = stopping
        self._held: set[_Lease] = set()
        self._reachable = True
        self._thread = threading.Thread(target=self._listen, name=f"queue {trigger.queue}", daemon=True)

    def start(self) -> None:
        """Start to receive messages."""
        self._thread.start()

    def join(self) -> None:
        """Wait until no more messages are received.

        A received message that has not started is returned to the queue when its turn comes.
        """
        self._look.set()
        self._thread.join()

    def _listen(self) -> None:
        longest = min(self._options.max_polling_interval, _LONGEST_POLL)
        pause = _SHORTEST_POLL
        while not self._stopping.is_set():
            self._look.clear()
            for lease in self._held.copy():
                self._reaching(lease.renew_if_due)
            taken = self._take() if len(self._held) <= self._options.new_batch_threshold else 0
            woken = taken > 0 or self._look.wait(pause)
            pause = _SHORTEST_POLL if woken else min(pause * 2, longest)

    def _take(self) -> int:
        size = self._options.batch_size
        messages: list[StoredMessage] = []
        self._reaching(
            lambda: messages.extend(
                self._queue.receive_messages(
                    messages_per_page=size, max_messages=size, visibility_timeout=self._lock
                )
            )
        )
        for message in messages:
            lease = _Lease(self._queue, message, seconds=self._lock)
            self._held.add(lease)
            self._invoker.submit(partial(self._process, lease))
        return len(messages)

    def _process(self, lease: _Lease) -> None:
        try:
            self._reaching(partial(self._settle, lease))
        finally:
            self._held.discard(lease)
            self._look.set()

    def _settle(self, lease: _Lease) -> None:
        message, last = lease.message, self._options.max_dequeue_count
        attempt = message.dequeue_count or 1
        if self._stopping.is_set():
            lease.release(0)
            return
        body = _decoded(message.content)
        if body is None:
            self._to_poison(lease, "it is not base64")
        elif self._poison and attempt > last:
            self._to_poison(lease, f"it was taken {attempt} times")
        elif self._invoker.invoke(self._function, queue_message(body, message)).succeeded:
            lease.delete()
        elif attempt >= last:
            self._to_poison(lease, f"it failed {attempt} times")
        elif self._poison:
            lease.release(self._options.visibility_timeout)

    def _to_poison(self, lease: _Lease, why: str) -> None:
        if self._poison is None:
            _log.error("Message %s stays in %s: %s", lease.message.id, self._trigger.queue, why)
            return
        _log.error("Message %s goes to %s: %s", lease.message.id, self._poison, why)
        self._storage.send_text(lease.message.content, connection=self._trigger.connection, name=self._poison)
        lease.delete()

    def _reaching(self, step: Callable[[], None]) -> None:
        """Run an operation on the queue; a storage failure is logged when it begins and when it is over."""
        try:
            step()
        except ResourceNotFoundError:
            pass  # the queue does not exist yet, or another process ended the message
        except AzureError as error:
            if self._reachable:
                _log.error("Queue %s cannot be used, trying again: %s", self._trigger.queue, error.message)
            self._reachable = False
            return
        if not self._reachable:
            _log.info("Queue %s can be used again", self._trigger.queue)
        self._reachable = True


def _decoded(content: str) -> bytes | None:
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
