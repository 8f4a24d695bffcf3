"""Worker processes: each takes queue messages on its own, and shares nothing with the others but the queue.

On Azure the instances of an app are such processes, and any of them may be gone between two lines of code. So
`python -m devtools.host --workers 4` puts the queue functions into processes that can be killed one by one;
one that ends is started again.
"""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

_log = logging.getLogger("host")
_PAUSE = 0.2  # seconds until a worker that ended is restarted
_GRACE = 10.0  # seconds; a worker lets running functions finish


class Workers:
    """A number of worker processes that are kept running; a context manager.

    Args:
        count: the number of workers.
        arguments: the command line arguments of `python -m devtools.host.worker`.
        started: called with the process id of each worker that is started.
    """

    def __init__(self, count: int, arguments: Sequence[str], started: Callable[[int], None]) -> None:
        self._command = [sys.executable, "-m", "devtools.host.worker", *arguments]
        self._started = started
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._keepers = [threading.Thread(target=self._keep, name=f"worker {n}") for n in range(count)]

    def __enter__(self) -> Self:
        for keeper in self._keepers:
            keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._stopping.set()
            running = set(self._running)
        for process in running:
            assert process.stdin is not None
            process.stdin.close()
        for process in running:
            try:
                process.wait(timeout=_GRACE)
            except subprocess.TimeoutExpired:
                _log.warning("Worker %d did not end in %.0f s; it is cut off.", process.pid, _GRACE)
                process.kill()
        for keeper in self._keepers:
            keeper.join()

    def _keep(self) -> None:
        while not self._stopping.is_set():
            process = self._start()
            if process is None:
                return
            status = process.wait()
            with self._lock:
                self._running.discard(process)
            if not self._stopping.wait(_PAUSE):
                _log.warning("Worker %d ended with status %d; another one is started.", process.pid, status)

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            # Nothing is ever written to its input. The worker ends when that is closed: by this process, or
            # because this process has ended.
            process = subprocess.Popen(
                self._command,
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the host only, which stops the workers in order
            )
            self._running.add(process)
        self._started(process.pid)
        return process
