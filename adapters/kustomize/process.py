"""One process of kustomize, isolated and limited, which builds one overlay.

`bin/overlay-builder` is kustomize as a program that is started before there is anything to build: it has read
the schema of Kubernetes by the time it is told what to build, which is most of what a build takes. It still
builds one overlay and ends. Nothing of one branch's files reaches the build of another.
"""

import collections
import contextlib
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coppice.reconciler.errors import NotSetUp

MAX_MEMORY = 640 * 1024 * 1024  # bytes; an overlay of fifty objects takes some sixty megabytes
_MAX_ERROR = 4000  # bytes of its error output
# A process that waits answers at once. One that does not in this time is replaced, and no overlay is refused.
_HEARD_SECONDS = 5
_HEARD = b"\n"
# Nothing listens on this port: a remote resource fails at once, without a DNS query.
_NO_NETWORK = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
# A build is short and allocates a lot. Collecting garbage less often, until memory runs short, saves a third
# of its time.
_GO_RUNTIME = {"GOGC": "400", "GOMEMLIMIT": f"{MAX_MEMORY * 3 // 4}B"}
_ISOLATED = {"PATH": "", **_NO_NETWORK, **_GO_RUNTIME}


@dataclass(frozen=True)
class Program:
    """A program that builds an overlay.

    Args:
        command: the program and its first arguments.
        waits: whether it waits on its standard input for what to build; if not, that is its last argument.
    """

    command: tuple[str, ...]
    waits: bool = False


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a build may take.

    Args:
        seconds: of time, and of a processor.
        output: bytes that it may print, and write to any one file.
    """

    seconds: float
    output: int


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended.

    Args:
        code: its exit code, or a signal's number with a minus.
        output: what it printed; one byte and more above the limit if that was too much.
        errors: the beginning of what it said on standard error.
        timed_out: whether it was stopped because of the time it took.
    """

    code: int
    output: bytes
    errors: str
    timed_out: bool


class Process:
    """A process that builds one overlay.

    Args:
        program: the program.
        limits: how much it may take.
        told: the folder to work in and the folder to build, for a program that does not wait.

    Raises:
        NotSetUp: the program cannot be run.
    """

    def __init__(self, program: Program, limits: Limits, told: tuple[Path, Path] | None = None) -> None:
        self.program = program
        self._limits = limits
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed where the process ends)
        command, environment, folder = [*program.command], dict(_ISOLATED), Path("/")
        if told is not None:
            folder, overlay = told
            command.append(str(overlay))
            environment |= {"HOME": str(folder), "TMPDIR": str(folder)}
        try:
            self._process = subprocess.Popen(  # noqa: S603  (an absolute path, and no shell)
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE if program.waits else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        except OSError as error:
            self._errors.close()
            raise NotSetUp(
                f"{command[0]} cannot be run: {error}. `make setup` builds kustomize into bin/, and "
                "`make package` ships it"
            ) from error
        _set_limits(self._process.pid, limits)

    def tell(self, folder: Path, overlay: Path) -> None:
        """Tell a process that waits what to build.

        Args:
            folder: the folder to work in.
            overlay: the folder to build.
        """
        if (stdin := self._process.stdin) is not None:
            with contextlib.suppress(BrokenPipeError), stdin:  # its end says why it does not read
                stdin.write(b"\0".join((os.fsencode(folder), os.fsencode(overlay))))

    def hears(self) -> bool:
        """Whether it has taken what it was told; if not within some seconds, it has ended."""
        with self._stopped_after(_HEARD_SECONDS):
            stdout = self._process.stdout
            return stdout is not None and stdout.read(len(_HEARD)) == _HEARD

    def end(self) -> Ended:
        """Read what it prints until it ends, or until a limit ends it."""
        most = self._limits.output
        with self._errors as errors:
            with self._stopped_after(self._limits.seconds) as timed_out, self._process as process:
                # Output beyond the limit is never read into memory.
                output = process.stdout.read(most + len(_HEARD) + 1) if process.stdout else b""
                if self.program.waits:
                    output = output.removeprefix(_HEARD)
                if len(output) > most:
                    process.kill()
            errors.seek(0)
            said = errors.read(_MAX_ERROR).decode(errors="replace")
        return Ended(code=process.returncode, output=output, errors=said, timed_out=timed_out.is_set())

    def discard(self) -> None:
        """End it."""
        with self._errors, self._process as process:
            process.kill()

    @contextlib.contextmanager
    def _stopped_after(self, seconds: float) -> Iterator[threading.Event]:
        stopped = threading.Event()

        def stop() -> None:
            stopped.set()
            self._process.kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            yield stopped
        finally:
            timer.cancel()


class Waiting:
    """Processes that wait for what to build.

    One is started after each build, for the next one. So there are never more than builds at the same time.
    They end with this object, and with the process that they belong to.
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


def _set_limits(process: int, limits: Limits) -> None:
    """Set resource limits of a process, on Linux.

    They are set from outside: a function between fork and exec is not safe if there are other threads. The
    process runs without limits until then, which is too short for it to use much.
    """
    if sys.platform != "linux":
        return
    seconds = math.ceil(limits.seconds)
    values = (
        # Data and not address space, of which Go reserves much more than it uses.
        (resource.RLIMIT_DATA, MAX_MEMORY),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.output),
        (resource.RLIMIT_CORE, 0),
    )
    with contextlib.suppress(ProcessLookupError):  # the process has already ended
        for limit, value in values:
            resource.prlimit(process, limit, (value, value))
