"""Let SIGINT and SIGTERM end a command as Ctrl-C does, however it was started."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Make SIGINT and SIGTERM a `KeyboardInterrupt` for as long as the context lasts.

    A process that a script starts in the background has SIGINT ignored, and Python then installs no handler
    of its own (https://docs.python.org/3/library/signal.html#signal.default_int_handler): such a server could
    not be stopped. In a thread nothing changes, for Python delivers signals to the main thread alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
