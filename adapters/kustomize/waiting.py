"""The processes that wait for the next overlay."""

import collections
import contextlib
import weakref
from pathlib import Path

from adapters.kustomize.process import Limits, Process, Program
from coppice.reconciler.errors import NotSetUp


class Waiting:
    """Processes that wait for what to build.

    After each build there is one for the next: the same one, or another. So there are never more of them than
    builds at the same time. They end with this object, and with the process that they belong to.
    """

    def __init__(self) -> None:
        self._processes: collections.deque[Process] = collections.deque()
        weakref.finalize(self, _discard_all, self._processes)

    def tell(self, program: Program, folder: Path, overlay: Path) -> Process | None:
        """Tell the next process of this program what to build.

        Args:
            program: the program.
            folder: the folder to work in.
            overlay: the folder to build.

        Returns:
            The process; `None` if none waits that still hears.
        """
        with contextlib.suppress(IndexError):
            while True:
                process = self._processes.popleft()
                if process.program == program:
                    process.tell(folder, overlay)
                    if process.hears():
                        return process
                process.discard()
        return None

    def keep(self, process: Process) -> None:
        """Let a process that stays wait for the next overlay."""
        self._processes.append(process)

    def add(self, program: Program, limits: Limits) -> None:
        """Start one more, unless that fails: the next build says why.

        Args:
            program: the program.
            limits: how much it may take.
        """
        with contextlib.suppress(NotSetUp):
            self._processes.append(Process(program, limits))


def _discard_all(processes: collections.deque[Process]) -> None:
    while processes:
        processes.popleft().discard()
