"""Runs functions of the program in processes that a fault may kill: the other end of `worker.py`."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.chaos.faults.world import World

_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Run:
    """How one invocation of a function ended.

    Attributes:
        raised: the exception that it raised; empty if it returned.
        mistake: the traceback, if the exception is not one of the program's failures.
        killed: whether its process was killed.
    """

    raised: str = ""
    mistake: str = ""
    killed: bool = False


class Runner:
    """The process that forks. One fork at a time runs the program."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._builds = folder / "builds"
        self._builds.mkdir()
        self._log = (folder / "worker.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.faults.worker"],
            cwd=_ROOT,
            env={"PATH": os.environ.get("PATH", os.defpath)},  # without the shell's proxies and settings
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self._alive = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_process()
        _pipe(self._process.stdin).close()
        self._process.wait(10)
        _pipe(self._process.stdout).close()
        self._log.close()

    def run(
        self,
        world: World,
        settings: Mapping[str, str],
        function: str,
        message: str | None,
    ) -> Run:
        """Run a function once, in the process that ran the last one if it is still alive."""
        if not self._alive:
            answer = self._send(
                {
                    "clock": str(world.clock.file),
                    "builds": str(self._builds),
                    "settings": dict(settings),
                }
            )
            world.proxy.pid, self._alive = answer["pid"], True
        answer = self._send({"function": function, "message": message})
        if "exit" in answer:
            self._alive = False
            assert answer["exit"] == -9, f"the worker ended with {answer['exit']}; see {self._log.name}"
            return Run(killed=True)
        return Run(**answer)

    def end_process(self) -> None:
        """End the process that ran the last function."""
        if self._alive:
            assert self._send({}) == {"exit": 0}
            self._alive = False

    def _send(self, task: Mapping[str, object]) -> dict[str, Any]:
        _pipe(self._process.stdin).write(json.dumps(task).encode() + b"\n")
        _pipe(self._process.stdin).flush()
        answer: dict[str, Any] = json.loads(_pipe(self._process.stdout).readline() or b'{"exit": null}')
        return answer


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
