"""Several workers in one world, one external call at a time: who makes the next call is the test's choice.

Each worker is a thread that stops before every call and goes on when it is told to. Only one of them ever
runs, so a history that is played again is the same to the call.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.world import WRITES, World

_PATIENCE = 20  # seconds until a worker that does not come back is a mistake of the test


class Killed(BaseException):
    """The worker's process was killed. No `except Exception` sees it, and what `finally` tries fails too."""


def _taken() -> threading.Lock:
    """A lock that one thread waits for and another one opens."""
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False)
class Worker:
    """One run of the program, stopped before a call.

    Attributes:
        name: what it works on.
        waits_before: the call that it makes when it goes on; empty before it has begun.
        ended: whether nothing of it will ever run again.
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
        """Start its thread, which waits for its first turn."""
        threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def go_on(self) -> None:
        """Let it run until its next call, or to its end."""
        self._may_go.release()
        assert self._stopped.acquire(timeout=_PATIENCE), f"{self.name} hangs after {self.waits_before}"
        if self._error is not None:
            raise self._error

    def kill(self) -> None:
        """Let no call of it take effect any more."""
        self._killed = True
        while not self.ended:
            self.go_on()

    def stop_before(self, what: str) -> None:
        """Wait for the next turn; called in the worker's own thread."""
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
        world: where they work.
        running: those that have not ended.
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
        """Have something done by a worker of its own, which waits before its first call."""
        worker = Worker(name, task)
        worker.begin()
        self.running.append(worker)
        return worker

    def go_on(self, worker: Worker) -> None:
        """Let one worker make its next call."""
        self._turn = worker
        try:
            worker.go_on()
        finally:
            self._turn = None
            if worker.ended:
                self.running.remove(worker)

    def interleave(self, *, calls: int, choice: random.Random) -> None:
        """Let workers make so many calls in all, chosen anew for each."""
        for _ in range(calls):
            if not self.running:
                return
            self.go_on(choice.choice(self.running))

    def finish(self, choice: random.Random) -> None:
        """Let all of them end, their calls interleaved."""
        while self.running:
            self.go_on(choice.choice(self.running))

    def kill(self, worker: Worker) -> None:
        """End a worker where it stands."""
        self._turn = worker
        try:
            worker.kill()
        finally:
            self._turn = None
            self.running.remove(worker)

    def kill_all(self) -> None:
        """End all of them, so that no thread outlives a test."""
        for worker in list(self.running):
            self.kill(worker)

    def let_writes_through(self) -> None:
        """Let whoever waits before a write make it: what has been sent is answered before much time passes.

        The clients' timeouts are shorter than a lease that was renewed a moment before.
        """
        for worker in list(self.running):
            if not worker.ended and worker.waits_before.partition(" ")[0] in WRITES:
                self.go_on(worker)
