"""Run one function: its arguments in, its result and its output messages out.

Outputs are written after the function has succeeded and before its caller learns of that, as Functions does.
"""

import asyncio
import inspect
import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func
from azure.functions.queue import QueueMessage
from azure.functions.timer import TimerRequest
from azure.storage.queue import QueueMessage as StoredMessage

from devtools.host.bindings import Function
from devtools.host.storage import Storage

_log = logging.getLogger("host")


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of an invocation; `value` is the function's return value."""

    succeeded: bool
    value: Any = None


def queue_message(body: bytes, stored: StoredMessage | None = None) -> func.QueueMessage:
    """Return the argument of a queue function.

    Args:
        body: the decoded message.
        stored: the message in the queue; None if it was never in one.
    """
    known: dict[str, Any] = {"id": str(uuid.uuid4()), "dequeue_count": 1}
    if stored is not None:
        known = {
            "id": stored.id,
            "dequeue_count": stored.dequeue_count,
            "expiration_time": stored.expires_on,
            "insertion_time": stored.inserted_on,
            "time_next_visible": stored.next_visible_on,
            "pop_receipt": stored.pop_receipt,
        }
    message: func.QueueMessage = QueueMessage(body=body, **known)
    return message


def timer_request() -> TimerRequest:
    """Return the argument of a timer function."""
    return TimerRequest(past_due=False)


class _Output(func.Out[Any]):
    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value


class Invoker:
    """A pool of threads that runs functions, as the Python worker does."""

    def __init__(self, *, storage: Storage, threads: int, directory: Path) -> None:
        self._storage = storage
        self._directory = directory
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="function")
        self._running: set[Future[Any]] = set()
        self._began: dict[str, float] = {}
        self._lock = threading.Lock()

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Run a callable on one of the threads.

        Args:
            work: the callable.

        Returns:
            The future of its result.
        """
        future = self._pool.submit(work)
        with self._lock:
            self._running.add(future)
        future.add_done_callback(self._forget)
        return future

    def invoke(self, function: Function, argument: object) -> Result:
        """Run a function on this thread and write its outputs; exceptions are logged.

        Args:
            function: the function.
            argument: the argument from its trigger.

        Returns:
            The result. An output message that could not be written also counts as a failure.
        """
        invocation = str(uuid.uuid4())
        _log.info("Executing '%s' (Id=%s)", function.name, invocation)
        started = self._began[invocation] = time.monotonic()
        try:
            value = self._call(function, argument, invocation)
        except Exception:  # noqa: BLE001 — no exception of a function may end the host; logged below
            _log.exception("'%s' failed (Id=%s, %d ms)", function.name, invocation, _since(started))
            return Result(succeeded=False)
        finally:
            del self._began[invocation]
        _log.info("'%s' succeeded (Id=%s, %d ms)", function.name, invocation, _since(started))
        return Result(succeeded=True, value=value)

    def longest(self) -> float:
        """Return the seconds for which the oldest running function has been running; 0 if none runs."""
        return max((time.monotonic() - began for began in self._began.copy().values()), default=0.0)

    def close(self, *, timeout: float) -> bool:
        """Wait for running functions to finish.

        Args:
            timeout: the most seconds to wait.

        Returns:
            Whether all of them finished.
        """
        self._pool.shutdown(wait=False)
        with self._lock:
            running = set(self._running)
        return not wait(running, timeout=timeout).not_done

    def _forget(self, future: Future[Any]) -> None:
        with self._lock:
            self._running.discard(future)

    def _call(self, function: Function, argument: object, invocation: str) -> Any:
        outputs = [(output, _Output()) for output in function.outputs]
        arguments: dict[str, object] = {function.trigger.argument: argument}
        arguments.update({output.argument: holder for output, holder in outputs})
        if function.wants_context:
            arguments["context"] = SimpleNamespace(
                invocation_id=invocation, function_name=function.name, function_directory=str(self._directory)
            )
        value = function.call(**arguments)
        if inspect.iscoroutine(value):
            value = asyncio.run(value)
        for output, holder in outputs:
            for body in _messages(holder.get()):
                self._storage.send(body, connection=output.connection, name=output.queue)
        return value


def _messages(value: object) -> list[bytes]:
    match value:
        case None:
            return []
        case str():
            return [value.encode()]
        case bytes():
            return [value]
        case func.QueueMessage():
            return [value.get_body()]
        case list() | tuple():
            return [body for item in value for body in _messages(item)]
    raise TypeError(
        f"a queue output takes str, bytes, QueueMessage or a list of these, not {type(value).__name__}"
    )


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
