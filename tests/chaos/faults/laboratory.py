"""Runs an operation against the emulators, with a fault or without, until nothing is left to be done.

It plays the host: takes messages as they become visible, gives those back that failed, parks those that
failed five times, and lets the timer strike.
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

_LOCK = 600  # seconds for which a message is hidden that somebody works on
_ATTEMPTS, _RETRY = 5, 30  # host.json
_MOST_DELIVERIES = 60
_TICK = 600  # seconds between two sweeps
MESSAGE, SWEEP = "reconcile_branch", "sweep_branches"


@dataclass(frozen=True)
class Told:
    """An operation as it went.

    Attributes:
        calls: the operation's calls, those of the sweep after it not counted.
        runs: every invocation, that of the sweep included.
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
        """Return to the world in which nothing of ours stands yet."""
        self.world.restore(self._empty)
        self.settings = self.world.settings()

    def tell(self, branch: str) -> None:
        """Put a branch's key onto the queue, as the webhook does."""
        self.world.queues.put(QUEUES[0], base64.b64encode(self.key(branch).encode()).decode())

    def key(self, branch: str) -> str:
        """The message that is a branch's key."""
        return json.dumps({"repository": self.world.repository.full_name, "branch": branch})

    def conduct(
        self, stimulus: str, *, injection: Injection | None = None, expected: list[Call] | None = None
    ) -> Told:
        """Tell an operation to its end, and let one sweep follow.

        Args:
            stimulus: `MESSAGE`, with messages on the queue, or `SWEEP`.
            injection: the fault; `None` for none.
            expected: the calls of the same operation without a fault.

        Returns:
            How it went, a sweep after it included.
        """
        self.world.edge.watch(injection, expected=expected)
        try:
            # The calls of a sweep are its own: what it sets off are the other operations.
            runs = [self.run(SWEEP)] if stimulus == SWEEP else self.drain()
            calls = list(self.world.edge.calls)
            runs += self.drain()
            self.world.clock.go_on(_TICK)
            return Told(calls, [*runs, self.run(SWEEP), *self.drain()])
        finally:
            self.leave()

    def leave(self) -> None:
        """Let the process end that ran the program."""
        self._runner.leave()

    def drain(self) -> list[Run]:
        """Deliver messages, now and whenever they become visible, until there are none."""
        runs: list[Run] = []
        while (message := self._next()) is not None:
            assert len(runs) < _MOST_DELIVERIES, f"it never settles: {runs}"
            run = self.run(MESSAGE, base64.b64decode(message.text).decode())
            runs.append(run)
            self._settle(message, run)
        return runs

    def deliver_once(self) -> None:
        """Deliver what is on the queue, whenever it would be visible, and let nothing come back."""
        waiting = self.world.queues.snapshot()[QUEUES[0]].values()
        for each in waiting:
            self.run(MESSAGE, base64.b64decode(each.text).decode())
        self.world.queues.clear(QUEUES[0])

    def run(self, function: str, message: str | None = None) -> Run:
        """Run a function once.

        Args:
            function: `MESSAGE` or `SWEEP`.
            message: the message, if it takes one.
        """
        run = self._runner.run(self.world, self.settings, function, message)
        self.world.edge.mend()
        return run

    def _next(self) -> Message | None:
        queues, clock = self.world.queues, self.world.clock
        waiting = [each.visible_from for each in queues.snapshot()[QUEUES[0]].values()]
        if not waiting:
            return None
        clock.set(max(clock.seconds(), min(waiting)))
        return queues.take(QUEUES[0], limit=1, lock=_LOCK)[0]

    def _settle(self, message: Message, run: Run) -> None:
        """What the host does when a function has ended; of one that was killed nobody tells it."""
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
    """Make everything, for as long as the context lasts.

    Args:
        folder: an empty one.
        postgres: a server for branches' databases; `None` if they get none.

    Yields:
        A laboratory in which others have made things already, and we nothing.
    """
    world = World(folder, postgres)
    with contextlib.ExitStack() as stack:
        with _on_one_core():
            stack.enter_context(world.edge.serving())
            runner = stack.enter_context(Runner(folder))
        world.populate()
        yield Laboratory(world, runner)


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """Have the threads and processes that start in the context stay on one core for good.

    Who asks and who answers take turns, so a second core gains them nothing, and to be moved between two
    costs them time. Of tests that run side by side, each has a core of its own.
    """
    if sys.platform != "linux":  # nobody else lets a process choose
        yield
        return
    before = os.sched_getaffinity(0)
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    os.sched_setaffinity(0, {sorted(before)[number % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
