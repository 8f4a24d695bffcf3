"""Run the emulators and the host as processes of their own: `python -m devtools.…`."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings
from devtools.host.settings import STORAGE, AppEnvironment, app_environment

ROOT = Path(__file__).parents[2]
_STOP_TIMEOUT = 15.0  # seconds; the host lets running functions end


class NotStartedError(Exception):
    """A process ended before it was ready; the message has the end of its log."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs in a process of its own."""

    url: str
    process: subprocess.Popen[str]


def shell() -> AppEnvironment:
    """The shell's variables without app settings, which must not decide what the demo connects to.

    Returns:
        The variables for child processes, and the names of the app settings that are left out.
    """
    settings = (STORAGE, "LOCAL_FUNCTION_KEY", *(name.upper() for name in Settings.model_fields))
    cleaned = app_environment(shell=os.environ, values={}, known=settings)
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1")))
    variables = {**cleaned.variables, "NO_PROXY": direct, "no_proxy": direct, "PYTHONUNBUFFERED": "1"}
    return AppEnvironment(variables=variables, ignored=cleaned.ignored)


@contextlib.contextmanager
def started(module: str, *arguments: str, log: Path) -> Iterator[Server]:
    """Run `python -m <module>` for as long as the context lasts.

    Args:
        module: a module that prints `{"name": …, "url": …}` as soon as it serves.
        arguments: its command line.
        log: the file that gets its standard error.

    Yields:
        The server.

    Raises:
        NotStartedError: the process ended before it served.
    """
    with log.open("a") as errors:
        before = errors.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=dict(shell().variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # Ctrl-C reaches this process alone, which stops the others in order
        )
    try:
        yield Server(url=_url(process, module, log, before), process=process)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def tail(log: Path, lines: int = 15, *, since: int = 0) -> str:
    """The last lines of a log, without its first `since` bytes."""
    return "\n".join(log.read_bytes()[since:].decode(errors="replace").splitlines()[-lines:])


def write_kubeconfig(file: Path, server: str) -> Path:
    """Write a kubeconfig for an API server without authentication.

    Args:
        file: the file to write or replace.
        server: the API server's URL.
    """
    config: Mapping[str, object] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "emulator", "cluster": {"server": server}}],
        "users": [{"name": "anybody", "user": {}}],
        "contexts": [{"name": "emulator", "context": {"cluster": "emulator", "user": "anybody"}}],
        "current-context": "emulator",
    }
    file.write_text(json.dumps(config, indent=2))  # JSON is YAML
    return file


def _url(process: subprocess.Popen[str], module: str, log: Path, before: int) -> str:
    assert process.stdout is not None
    first = process.stdout.readline()
    if not first:
        process.wait()
        said = tail(log, since=before)
        raise NotStartedError(f"python -m {module} ended with status {process.returncode}:\n{said}")
    return str(json.loads(first)["url"])
