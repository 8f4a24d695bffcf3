"""Runs kustomize in a temporary folder: without the worker's environment, without git on its path, and with
limits of time, memory, processor and output.

kustomize has no flag that forbids remote resources. The guard refuses them before the build; this is the
second line of defence.
"""

import contextlib
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from coppice.manifests.archive import Tree
from coppice.manifests.documents import BadYaml, load_all
from coppice.manifests.rejection import Refusal, Rejection
from coppice.reconciler.errors import NotSetUp

_SECONDS = 30
_MOST_OUTPUT = 16 * 1024 * 1024  # bytes; the guard allows less
_OUT_OF_MEMORY = re.compile(r"(runtime|fatal error): (out of memory|cannot allocate memory)")
_SHOWN = 4000  # bytes of its error output
# Nothing listens there. A URL that the guard missed fails at once, without a DNS query.
_DEAD_PROXY = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
# kustomize runs for a moment and makes much garbage. To collect it less often saves a third of the time.
_MOST_MEMORY = 640 * 1024 * 1024  # bytes; an overlay of fifty objects takes some sixty megabytes
_GO_SETTINGS = {"GOGC": "400", "GOMEMLIMIT": f"{_MOST_MEMORY * 3 // 4}B"}
# Builds at a time in one process: each takes a core for a tenth of a second, and some sixty megabytes.
_BUILD_SLOTS = threading.BoundedSemaphore(2)


class Kustomize:
    """Builds overlays.

    Args:
        command: returns the program and its first arguments; called for each build.
        seconds: how long a build may take.
        most: how many bytes it may print, and write to any file.
    """

    def __init__(
        self, command: Callable[[], tuple[str, ...]], *, seconds: float = _SECONDS, most: int = _MOST_OUTPUT
    ) -> None:
        self._command = command
        self._seconds = seconds
        self._most = most

    def build(self, tree: Tree, overlay: str) -> tuple[dict[str, Any], ...]:
        """Build one overlay.

        Args:
            tree: the files.
            overlay: its folder.

        Returns:
            The objects, in kustomize's order.

        Raises:
            Rejection: it does not build.
            NotSetUp: kustomize was not found, or cannot be run.
        """
        with self.laid_out(tree) as build:
            return build(overlay)

    @contextlib.contextmanager
    def laid_out(self, tree: Tree) -> Iterator[Callable[[str], tuple[dict[str, Any], ...]]]:
        """Write files to a temporary folder, which is removed when the context ends.

        Args:
            tree: the files.

        Yields:
            A function that builds one of their overlays, as `build` does. Several may run at a time.
        """
        with tempfile.TemporaryDirectory(prefix="coppice-") as folder:
            root = Path(folder).resolve()
            for parent in {(root / name).parent for name in tree}:
                parent.mkdir(parents=True, exist_ok=True)
            for name, content in tree.items():
                (root / name).write_bytes(content)
            yield partial(self._build, root)

    def _build(self, root: Path, overlay: str) -> tuple[dict[str, Any], ...]:
        with _BUILD_SLOTS:
            output = self._run(root, overlay)
        try:
            documents = load_all(output)
        except BadYaml as error:
            raise Rejection((Refusal(overlay, f"kustomize's output cannot be used: {error}"),)) from error
        objects = tuple(each for each in documents if isinstance(each, dict))
        if len(objects) != len(documents):
            raise Rejection((Refusal(overlay, "builds a document that is no object"),))
        return objects

    def _run(self, root: Path, overlay: str) -> bytes:
        environment = {"PATH": "", "HOME": str(root), "TMPDIR": str(root), **_DEAD_PROXY, **_GO_SETTINGS}
        command = [*self._command(), str(root / overlay)]
        timed_out = threading.Event()
        with tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(  # noqa: S603  (an absolute path, and no shell)
                    command,
                    cwd=root,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                )
            except OSError as error:
                raise NotSetUp(
                    f"{command[0]} cannot be run: {error}. `make setup` builds kustomize into bin/, and "
                    "`make package` ships it"
                ) from error
            _limit_resources(process.pid, math.ceil(self._seconds), self._most)

            def stop() -> None:
                timed_out.set()
                process.kill()

            timer = threading.Timer(self._seconds, stop)
            timer.start()
            with process:
                # No more than the limit is read, whatever it prints.
                output = process.stdout.read(self._most + 1) if process.stdout else b""
                if len(output) > self._most:
                    process.kill()
            timer.cancel()
            errors.seek(0)
            message = errors.read(_SHOWN).decode(errors="replace").replace(f"{root}/", "").strip()
        if timed_out.is_set():
            raise Rejection((Refusal(overlay, f"kustomize did not finish within {self._seconds:g} seconds"),))
        if len(output) > self._most:
            raise Rejection((Refusal(overlay, f"makes more than {self._most} bytes of objects"),))
        if process.returncode == -signal.SIGXCPU or message.startswith("SIGXCPU"):
            raise Rejection((Refusal(overlay, f"kustomize took more than {self._seconds:g} s of processor"),))
        if process.returncode != 0 and _OUT_OF_MEMORY.search(message):
            most = _MOST_MEMORY // 1024 // 1024
            raise Rejection((Refusal(overlay, f"kustomize needs more than {most} MB to build it"),))
        if process.returncode != 0:
            raise Rejection((Refusal(overlay, f"kustomize: {message or f'exit code {process.returncode}'}"),))
        return output


def _limit_resources(process: int, seconds: int, output: int) -> None:
    """Limit the resources of a process, on Linux. They are set from outside: code that runs between fork and
    exec is not safe beside other threads. A process that needs much is still running by then.
    """
    if sys.platform != "linux":
        return
    limits = (
        (
            resource.RLIMIT_DATA,
            _MOST_MEMORY,
        ),  # what is written to; Go only reserves much of its address space
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_CORE, 0),
    )
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        for what, most in limits:
            resource.prlimit(process, what, (most, most))


def find(app_folder: Path) -> tuple[str, ...]:
    """Find kustomize: the one shipped with the app, or else `kustomize` or `kubectl` on the path.

    Args:
        app_folder: the folder of the app; `bin/kustomize` below it is the one that is shipped.

    Returns:
        The command that builds a folder.

    Raises:
        NotSetUp: there is none.
    """
    shipped = app_folder / "bin" / "kustomize"
    if shipped.is_file():
        return (str(shipped if os.access(shipped, os.X_OK) else _executable(shipped)), "build")
    for program, arguments in (("kustomize", ("build",)), ("kubectl", ("kustomize",))):
        found = shutil.which(program)
        if found:
            return (found, *arguments)
    raise NotSetUp("kustomize was not found: `make setup` builds it into bin/, and `make package` ships it")


def _executable(shipped: Path) -> Path:
    """Copy kustomize to the temporary folder, as an executable: a deployed package is read-only, and may have
    lost the executable bit.
    """
    was = shipped.stat()
    copy = Path(tempfile.gettempdir()) / f"coppice-kustomize-{was.st_mtime_ns}-{was.st_size}"
    if not copy.exists():
        with tempfile.NamedTemporaryFile(dir=copy.parent, delete=False) as fresh:  # each thread has its own
            fresh.write(shipped.read_bytes())
        Path(fresh.name).chmod(0o755)
        Path(fresh.name).rename(copy)
    return copy
