"""Start Azurite's queue service, the emulator that Microsoft publishes, for as long as a context lasts."""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devtools.emulators.queues.connection import emulator_connection_string

_EXECUTABLE = Path(__file__).parents[2] / "node_modules" / ".bin" / "azurite-queue"
_LISTENING = re.compile(r"successfully listens on (http://\S+)")


class AzuriteMissingError(Exception):
    """Azurite is not installed; the message says how to get it."""


@contextlib.contextmanager
def azurite() -> Iterator[str]:
    """Run Azurite on a free loopback port, with nothing on disk.

    Yields:
        Its connection string.

    Raises:
        AzuriteMissingError: it is not installed.
        RuntimeError: it ended before it was ready.
    """
    if not _EXECUTABLE.exists():
        raise AzuriteMissingError("Azurite is not installed: run `npm install` (Node.js 20 or newer).")
    command = [str(_EXECUTABLE), "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    command += ["--silent", "--queueHost", "127.0.0.1", "--queuePort", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield emulator_connection_string(_url(process))
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if found := _LISTENING.search(line):
            return found[1]
        said.append(line)
    raise RuntimeError(f"Azurite did not start: {''.join(said)}")
