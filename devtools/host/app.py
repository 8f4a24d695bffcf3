"""The host itself: the functions of one app, served, timed and fed for as long as a context lasts."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

import azure.functions as func
from starlette.types import ASGIApp

from devtools.emulators.serving import serving
from devtools.host.bindings import Function, HttpTrigger, Index, QueueTrigger, TimerTrigger, index
from devtools.host.invoke import Invoker, timer_request
from devtools.host.options import host_options
from devtools.host.queues import LOCK, QueueListener
from devtools.host.routes import http_app
from devtools.host.settings import positive_number
from devtools.host.storage import Storage, with_storage
from devtools.host.timers import keep_time

Kinds = tuple[type[HttpTrigger | QueueTrigger | TimerTrigger], ...]

_log = logging.getLogger("host")
_GRACE = 5.0  # seconds that running functions have to finish when the host stops
_BODY_LIMIT = 104_857_600  # bytes; the default of Functions
EVERY_TRIGGER: Kinds = (HttpTrigger, QueueTrigger, TimerTrigger)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Host:
    """A host that runs a `FunctionApp`; a context manager.

    Attributes:
        url: the base URL, without the route prefix and without a trailing slash; empty if HTTP is not served.
        index: the functions, and the reasons why some could not be loaded.
        settings: the app settings with the `AzureWebJobsStorage` in use.
        still_running: after the host has stopped, whether a function outlasted the grace period.
    """

    url = ""
    index: Index
    settings: Mapping[str, str]
    still_running = False

    def __init__(
        self,
        app: func.FunctionApp,
        *,
        settings: Mapping[str, str],
        host_json: Mapping[str, Any] | None = None,
        port: int = 0,
        directory: Path = Path(),
        clock: Callable[[], datetime] = _utc_now,
        triggers: Kinds = EVERY_TRIGGER,
        lock: int = LOCK,
    ) -> None:
        """Initialize the host; nothing runs before the context is entered.

        Args:
            app: the function app.
            settings: the app settings.
            host_json: the content of host.json.
            port: the loopback port; 0 selects a free one.
            directory: the app's folder; functions see it in their context.
            clock: returns the time for timers, in UTC.
            triggers: the kinds of triggers that this process serves.
            lock: seconds for which a message is hidden while it is processed.

        Raises:
            SettingsError: host.json is not valid.
        """
        self._app = app
        self._given = settings
        self._options = host_options(host_json or {})
        self._port = port
        self._directory = directory
        self._clock = clock
        self._triggers = triggers
        self._lock = lock
        self._stopping = threading.Event()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.settings = stack.enter_context(with_storage(self._given))
            self.index = index(self._app, settings=self.settings)
            storage = stack.enter_context(Storage(self.settings))
            self._invoker = Invoker(storage=storage, threads=self._threads(), directory=self._directory)
            stack.callback(self._close)
            self._start_background(stack, storage)
            stack.callback(self._stopping.set)
            if HttpTrigger in self._triggers:
                self.url = stack.enter_context(serving(self._http(), port=self._port))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def overdue(self) -> bool:
        """Return whether a function has been running for longer than `functionTimeout` allows."""
        return self._invoker.longest() > self._options.function_timeout

    def functions(self) -> list[str]:
        """Return one line for each loaded function: its name and its trigger."""
        lines = []
        for function in self.index.functions:
            match function.trigger:
                case HttpTrigger() as trigger:
                    methods = ",".join(sorted(trigger.methods)) or "ANY"
                    route = "/".join(
                        part for part in (self.url, self._options.route_prefix, trigger.route) if part
                    )
                    lines.append(f"{function.name}: [{methods}] {route}")
                case QueueTrigger() as trigger:
                    lines.append(f"{function.name}: queueTrigger {trigger.queue}")
                case TimerTrigger() as trigger:
                    lines.append(f"{function.name}: timerTrigger {trigger.schedule}")
        return lines

    def _threads(self) -> int:
        """Return the number of threads that the Python worker would have."""
        default = min(32, (os.cpu_count() or 1) + 4)
        return positive_number(self.settings, "PYTHON_THREADPOOL_THREAD_COUNT", default=default)

    def _http(self) -> ASGIApp:
        limit = positive_number(self.settings, "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", default=_BODY_LIMIT)
        return http_app(
            self.index,
            prefix=self._options.route_prefix,
            invoker=self._invoker,
            key=self.settings.get("LOCAL_FUNCTION_KEY") or None,
            body_limit=limit,
        )

    def _start_background(self, stack: contextlib.ExitStack, storage: Storage) -> None:
        for function in self.index.functions:
            if not isinstance(function.trigger, self._triggers):
                continue
            match function.trigger:
                case QueueTrigger() as trigger:
                    listener = QueueListener(
                        function,
                        trigger,
                        options=self._options,
                        storage=storage,
                        invoker=self._invoker,
                        stopping=self._stopping,
                        lock=self._lock,
                    )
                    listener.start()
                    stack.callback(listener.join)
                case TimerTrigger() as trigger:
                    timer = self._timer(function, trigger)
                    timer.start()
                    stack.callback(timer.join, _GRACE)

    def _timer(self, function: Function, trigger: TimerTrigger) -> threading.Thread:
        def fire() -> None:
            self._invoker.submit(partial(self._invoker.invoke, function, timer_request())).result()

        keep = partial(
            keep_time,
            trigger.schedule,
            run_on_startup=trigger.run_on_startup,
            fire=fire,
            clock=self._clock,
            wait=self._stopping.wait,
        )
        return threading.Thread(target=keep, name=f"timer {function.name}", daemon=True)

    def _close(self) -> None:
        self.still_running = not self._invoker.close(timeout=_GRACE)
        if self.still_running:
            _log.warning("A function was still running after %.0f s; it is cut off.", _GRACE)
