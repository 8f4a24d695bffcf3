"""Runs an operation against the emulators, with or without a fault, until nothing is left to do.

It takes the part of the functions host: it delivers messages when they become visible, returns those that
failed to the queue, moves those that failed five times to the poison queue, and triggers the timer.
"""

import base64
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from devtools.emulators.postgres.server import Cluster
from devtools.emulators.queues.store import Message
from tests.chaos.faults.faults import Injection
from tests.chaos.faults.runner import Run, Runner
from tests.chaos.faults.wire import Call
from tests.chaos.faults.world import QUEUES, World

_LOCK = 600  # seconds for which a message is invisible while it is processed
_ATTEMPTS, _RETRY = 5, 30  # host.json
_MOST_DELIVERIES = 60
_TICK = 600  # seconds between two sweeps
MESSAGE, SWEEP = "reconcile_branch", "sweep_branches"


@dataclass(frozen=True)
class OperationRun:
    """How an operation went.

    Attributes:
        calls: the operation's calls, without those of the sweep after it.
        runs: every invocation, with that of the sweep.
    """

    calls: list[Call]
    runs: list[Run]


class Laboratory:
    """Emulators and the program.

    Args:
        world: the emulators.
        runner: runs the program.
    """

    def __init__(self, world: World, runner: Runner) -> None:
        self.world = world
        self._empty = world.save()
        self.settings: Mapping[str, str] = world.settings()
        self._runner = runner

    def begin(self) -> None:
        """Restore the state in which the program has made nothing yet."""
        self.world.restore(self._empty)
        self.settings = self.world.settings()

    def queue_key(self, branch: str) -> None:
        """Put a branch's key onto the queue, as the webhook does."""
        self.world.queues.put(QUEUES[0], base64.b64encode(self.key(branch).encode()).decode())

    def key(self, branch: str) -> str:
        """A branch's key, as a message."""
        return json.dumps({"repository": self.world.repository.full_name, "branch": branch})

    def run_operation(
        self, stimulus: str, *, injection: Injection | None = None, expected: list[Call] | None = None
    ) -> OperationRun:
        """Run an operation to its end, and one sweep after it.

        Args:
            stimulus: `MESSAGE`, with messages on the queue, or `SWEEP`.
            injection: the fault; `None` for none.
            expected: the calls of the same operation without a fault.

        Returns:
            How the operation and the sweep went.
        """
        self.world.proxy.start_counting(injection, expected=expected)
        try:
            # Only the sweep's own calls count. The branches that it queues are the other operations.
            runs = [self.run(SWEEP)] if stimulus == SWEEP else self.drain()
            calls = list(self.world.proxy.calls)
            runs += self.drain()
            self.world.clock.advance(_TICK)
            return OperationRun(calls, [*runs, self.run(SWEEP), *self.drain()])
        finally:
            self.end_process()

    def end_process(self) -> None:
        """End the process that ran the program."""
        self._runner.end_process()

    def drain(self) -> list[Run]:
        """Deliver each message as soon as it is visible, until none is left."""
        runs: list[Run] = []
        while (message := self._next()) is not None:
            assert len(runs) < _MOST_DELIVERIES, f"it never settles: {runs}"
            run = self.run(MESSAGE, base64.b64decode(message.text).decode())
            runs.append(run)
            self._settle(message, run)
        return runs

    def deliver_once(self) -> None:
        """Deliver each message on the queue once, visible or not, and clear the queue."""
        waiting = self.world.queues.snapshot()[QUEUES[0]].values()
        for each in waiting:
            self.run(MESSAGE, base64.b64decode(each.text).decode())
        self.world.queues.clear(QUEUES[0])

    def run(self, function: str, message: str | None = None) -> Run:
        """Run a function once.

        Args:
            function: `MESSAGE` or `SWEEP`.
            message: the message; `None` for the timer.
        """
        run = self._runner.run(self.world, self.settings, function, message)
        self.world.proxy.accept_connections()
        return run

    def _next(self) -> Message | None:
        queues, clock = self.world.queues, self.world.clock
        waiting = [each.visible_from for each in queues.snapshot()[QUEUES[0]].values()]
        if not waiting:
            return None
        clock.set(max(clock.seconds(), min(waiting)))
        return queues.take(QUEUES[0], limit=1, lock=_LOCK)[0]

    def _settle(self, message: Message, run: Run) -> None:
        """Do what the host does when a function has ended; it does not know of one that was killed."""
        queues = self.world.queues
        if run.killed:
            return
        if run.raised and message.dequeued < _ATTEMPTS:
            queues.update(QUEUES[0], message.id, message.receipt, delay=_RETRY, text=None)
            return
        if run.raised:
            queues.put(QUEUES[1], message.text)
        queues.remove(QUEUES[0], message.id, message.receipt)


@contextlib.contextmanager
def laboratory(folder: Path, postgres: Cluster | None = None) -> Iterator[Laboratory]:
    """Run the emulators and the program, for as long as the context lasts.

    Args:
        folder: an empty folder.
        postgres: a server for branches' databases; `None` if they get none.

    Yields:
        A laboratory with objects of others, in which the program has made nothing yet.
    """
    world = World(folder, postgres)
    with contextlib.ExitStack() as stack:
        with _on_one_core():
            stack.enter_context(world.proxy.serving())
            runner = stack.enter_context(Runner(folder))
        world.populate()
        yield Laboratory(world, runner)


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """Pin the threads and processes that start in the context to one core, for good.

    The program and the emulators run in turn, so a second core gains nothing, and moving between cores costs
    time. Of tests that run in parallel, each gets a core of its own.
    """
    if sys.platform != "linux":  # other systems do not let a process choose
        yield
        return
    before = os.sched_getaffinity(0)
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    os.sched_setaffinity(0, {sorted(before)[number % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
