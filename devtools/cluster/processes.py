"""Start a program, wait until it is ready, and make sure that it has ended afterwards."""

import contextlib
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.cluster.waiting import wait_for

_STOP_TIMEOUT = 10.0  # seconds


class NotReadyError(Exception):
    """A program ended, or was not ready in time; the message ends with the program's last output."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A running program."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Call a function repeatedly until it returns true.

        Args:
            ready: The function.
            seconds: The most seconds to wait.

        Raises:
            NotReadyError: It took longer, or the program ended.
        """

        def ready_while_alive() -> bool:
            if self.popen.poll() is not None:
                raise NotReadyError(f"{self.name} ended with status {self.popen.returncode}:\n{self._tail()}")
            return ready()

        try:
            wait_for(self.name, ready_while_alive, seconds=seconds)
        except TimeoutError as error:
            raise NotReadyError(f"{error}:\n{self._tail()}") from error

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


@contextlib.contextmanager
def running(
    program: Path,
    *arguments: str,
    name: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Process]:
    """Run a program for as long as the context lasts.

    Args:
        program: The program's file.
        arguments: Its arguments.
        name: The program's name in messages.
        folder: The working folder, in which the log is written too.
        environment: The complete environment; by default that of this process.

    Yields:
        The running process.
    """
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [str(program), *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # keeps Ctrl-C away: the programs must stop in order
        )
    try:
        yield Process(name=name, popen=popen, log=log)
    finally:
        try:
            popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                popen.wait(_STOP_TIMEOUT)
        finally:
            popen.kill()
            popen.wait()


def free_ports(count: int) -> Sequence[int]:
    """Return different loopback ports on which nothing listened a moment ago."""
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
