"""A process of kustomize, isolated and limited, which builds an overlay.

`bin/overlay-builder` is kustomize as a program that stays: it reads the schema of Kubernetes once, which is
most of what a build takes, and then builds one overlay after another. Of one build the next sees nothing: the
schema is all that kustomize keeps, and after an overlay with a schema of its own the program ends. It also
ends after an overlay that does not build, after one that exceeds a limit, and when it has used a second of a
processor.
"""

import contextlib
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from coppice.reconciler.errors import NotSetUp

MAX_MEMORY = 640 * 1024 * 1024  # bytes; an overlay of fifty objects takes some sixty megabytes
_MAX_ERROR = 4000  # bytes of its error output
# A process that waits says at once that it heard. One that does not is replaced, and no overlay is refused.
_HEARD_SECONDS = 5
_HEARD = b"\n"
_ANSWER = re.compile(rb"(ready|last) (\d{1,12})\n")
_LONGEST_LINE = 32
_USED_BEFORE = 1  # second of a processor that one that stays may have used before a build
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
        waits: whether it waits on its standard input for what to build, and stays for more; if not, that is
            its last argument.
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
class Result:
    """What came of a build.

    Args:
        built: whether it built the overlay.
        output: the objects; one byte above the limit if that was too much.
        code: the exit code if it did not build the overlay, or a signal's number with a minus.
        errors: the beginning of what it said on standard error, if it did not build the overlay.
        timed_out: whether it was stopped because of the time it took.
        stays: whether it waits for the next one.
    """

    built: bool
    output: bytes
    code: int = 0
    errors: str = ""
    timed_out: bool = False
    stays: bool = False


class Process:
    """A process that builds one overlay, or one after another.

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
        _set_limits(self._process.pid, limits, used_before=_USED_BEFORE if program.waits else 0)

    def tell(self, folder: Path, overlay: Path) -> None:
        """Tell a process that waits what to build.

        Args:
            folder: the folder to work in.
            overlay: the folder to build.
        """
        if (stdin := self._process.stdin) is not None:
            with contextlib.suppress(BrokenPipeError):  # its end says why it does not read
                stdin.write(b"".join(os.fsencode(each) + b"\0" for each in (folder, overlay)))
                stdin.flush()

    def hears(self) -> bool:
        """Whether it has taken what it was told. If that took too long, it has ended."""
        with self._stopped_after(_HEARD_SECONDS) as stopped:
            heard = self._stdout.read(len(_HEARD)) == _HEARD
        return heard and not stopped.is_set()

    def result(self) -> Result:
        """Read what comes of a build, until a limit ends it.

        Returns:
            The result. If the process does not stay, it has ended.
        """
        most = self._limits.output
        with self._stopped_after(self._limits.seconds) as stopped:
            # Output beyond the limit is never read into memory.
            line = self._line() if self.program.waits else b""
            answer = _ANSWER.fullmatch(line)
            length = int(answer[2]) if answer else most + 1
            output = line if answer is None else b""
            output += self._stdout.read(min(length, most + 1) - len(output))
            built = answer is not None and len(output) == length
            if not built:
                if len(output) > most:
                    self._process.kill()
                self._process.wait()
        if built and answer is not None and answer[1] == b"ready" and not stopped.is_set():
            self._errors.seek(0)  # which is the position of the process as well
            self._errors.truncate()
            return Result(built=True, output=output, stays=True)
        if built:
            self.discard()
            return Result(built=True, output=output, timed_out=stopped.is_set())
        code, errors = self._end()
        built = code == 0 and not self.program.waits
        return Result(built=built, output=output, code=code, errors=errors, timed_out=stopped.is_set())

    def discard(self) -> None:
        """End it."""
        self._process.kill()
        self._end()

    def _line(self) -> bytes:
        """The line of its answer, after the one that says that it heard, if nobody has read that."""
        line = self._stdout.readline(_LONGEST_LINE)
        return self._stdout.readline(_LONGEST_LINE) if line == _HEARD else line

    @property
    def _stdout(self) -> IO[bytes]:
        if (stdout := self._process.stdout) is None:
            raise TypeError("its standard output is no pipe")
        return stdout

    def _end(self) -> tuple[int, str]:
        """Wait for its end, and return its exit code and the beginning of what it said on standard error."""
        with self._errors as errors:
            with contextlib.suppress(BrokenPipeError), self._process as process:
                pass
            errors.seek(0)
            return process.returncode, errors.read(_MAX_ERROR).decode(errors="replace")

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
            timer.join()  # from here on it stops nothing


def _set_limits(process: int, limits: Limits, *, used_before: int) -> None:
    """Set resource limits of a process, on Linux.

    They are set from outside: a function between fork and exec is not safe if there are other threads. The
    process runs without limits until then, which is too short for it to use much.
    """
    if sys.platform != "linux":
        return
    seconds = math.ceil(limits.seconds) + used_before
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
