"""Runs several workers in one world, one external call at a time.

The test chooses which worker makes the next call. Each worker is a thread that stops before every call, and
continues when the test lets it. Only one worker runs at a time, so a repeated history makes the same calls.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.world import WRITES, World

_PATIENCE = 20  # seconds; a worker that takes longer to stop fails the test


class Killed(BaseException):
    """The worker's process is killed. No `except Exception` catches this, and calls in `finally` fail too."""


def _taken() -> threading.Lock:
    """Return an acquired lock, which one thread waits for and another one releases."""
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False)
class Worker:
    """One run of the program, stopped before a call.

    Attributes:
        name: the message or key that it processes.
        waits_before: the call that it makes when it continues; empty before its first call.
        ended: whether its run is over.
    """

    name: str
    task: Callable[[], object]
    waits_before: str = ""
    ended: bool = False
    _killed: bool = False
    _error: BaseException | None = None
    _may_go: threading.Lock = field(default_factory=_taken)
    _stopped: threading.Lock = field(default_factory=_taken)

    def begin(self) -> None:
        """Start the thread, which waits until `go_on` is called."""
        threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def go_on(self) -> None:
        """Let the worker run until it is about to make its next call, or to its end."""
        self._may_go.release()
        assert self._stopped.acquire(timeout=_PATIENCE), f"{self.name} hangs after {self.waits_before}"
        if self._error is not None:
            raise self._error

    def kill(self) -> None:
        """End the worker. None of its calls takes effect any more."""
        self._killed = True
        while not self.ended:
            self.go_on()

    def stop_before(self, what: str) -> None:
        """Wait until `go_on` is called. The worker's own thread calls this."""
        if self._killed:
            raise Killed
        self.waits_before = what
        self._stopped.release()
        self._may_go.acquire()
        if self._killed:
            raise Killed

    def _run(self) -> None:
        self._may_go.acquire()
        try:
            if not self._killed:
                self.task()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 — the test's own thread raises it again
            self._error = error
        self.ended = True
        self._stopped.release()


@dataclass
class Workers:
    """The workers of a world.

    Args:
        world: the world in which they run.
        running: the workers that have not ended.
    """

    world: World
    running: list[Worker] = field(default_factory=list)
    _turn: Worker | None = None

    def __post_init__(self) -> None:
        self.world.before = self._before

    def _before(self, what: str) -> None:
        if self._turn is not None:
            self._turn.stop_before(what)

    def start(self, name: str, task: Callable[[], object]) -> Worker:
        """Start a worker for a task. It begins the task at the first call of `go_on`."""
        worker = Worker(name, task)
        worker.begin()
        self.running.append(worker)
        return worker

    def go_on(self, worker: Worker) -> None:
        """Let one worker make its next call and run until the one after it, or to its end."""
        self._turn = worker
        try:
            worker.go_on()
        finally:
            self._turn = None
            if worker.ended:
                self.running.remove(worker)

    def interleave(self, *, calls: int, choice: random.Random) -> None:
        """Let the workers make a number of calls in all, each by a worker that is chosen at random."""
        for _ in range(calls):
            if not self.running:
                return
            self.go_on(choice.choice(self.running))

    def finish(self, choice: random.Random) -> None:
        """Let all workers run to their end, with interleaved calls."""
        while self.running:
            self.go_on(choice.choice(self.running))

    def kill(self, worker: Worker) -> None:
        """Kill a worker where it has stopped."""
        self._turn = worker
        try:
            worker.kill()
        finally:
            self._turn = None
            self.running.remove(worker)

    def kill_all(self) -> None:
        """Kill all workers, so that no thread outlives the test."""
        for worker in list(self.running):
            self.kill(worker)

    def let_writes_through(self) -> None:
        """Let every worker that waits before a write make it.

        A worker can pause for minutes only between calls: the clients' timeouts are shorter than a lease that
        was renewed just before a write.
        """
        for worker in list(self.running):
            if not worker.ended and worker.waits_before.partition(" ")[0] in WRITES:
                self.go_on(worker)
