"""Runs servers as background jobs of a script do: with SIGINT ignored by the parent."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SIGINT_IGNORED = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
"""The beginning of a command that runs the rest as a script runs a background job."""

_STOP_TIMEOUT = 20  # seconds


@dataclass(frozen=True, kw_only=True)
class BackgroundServer:
    """A server that runs in the background.

    Attributes:
        ready: the JSON line that it printed as soon as it served.
        process: its process.
        log: the file with its standard error.
    """

    ready: dict[str, Any]
    process: subprocess.Popen[str]
    log: Path

    def end(self, how: signal.Signals) -> None:
        """Send the server a signal, and check that it exits with 0 and without a traceback."""
        self.process.send_signal(how)
        assert self.process.wait(_STOP_TIMEOUT) == 0
        assert "Traceback" not in self.log.read_text()


@contextlib.contextmanager
def background_server(module: str, *arguments: str, folder: Path) -> Iterator[BackgroundServer]:
    """Run `python -m <module>` as a script's background job, and kill it at the end if it still runs.

    Args:
        module: a module that prints one JSON line as soon as it serves.
        arguments: its command line.
        folder: the folder for the log.

    Yields:
        The server, which is already serving.
    """
    command = [*SIGINT_IGNORED, sys.executable, "-m", module, *arguments]
    log = folder / f"{module}.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline() or "{}")
            assert ready, log.read_text()
            yield BackgroundServer(ready=ready, process=process, log=log)
        finally:
            process.kill()
