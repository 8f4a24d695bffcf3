"""Runs kustomize in a temporary folder, without network access or git, and with limits on what it uses.

The limits are for time, memory, processor time and output. kustomize has no flag that forbids remote
resources. `provisioning.admission.sources` refuses them before the build; the isolation here is a second line
of defence.
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
_MAX_OUTPUT = 16 * 1024 * 1024  # bytes; `provisioning.admission.size` allows less
_OUT_OF_MEMORY = re.compile(r"(runtime|fatal error): (out of memory|cannot allocate memory)")
_MAX_ERROR = 4000  # bytes of its error output
# Nothing listens on this port: a remote resource fails at once, without a DNS query.
_NO_NETWORK = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
# A build is short and allocates a lot. Collecting garbage less often, until memory runs short, saves a third
# of its time.
_MAX_MEMORY = 640 * 1024 * 1024  # bytes; an overlay of fifty objects takes some sixty megabytes
_GO_RUNTIME = {"GOGC": "400", "GOMEMLIMIT": f"{_MAX_MEMORY * 3 // 4}B"}
# Per process of this app: each build takes a core for a tenth of a second, and some sixty megabytes.
_CONCURRENT_BUILDS = threading.BoundedSemaphore(2)


class Kustomize:
    """Builds overlays with kustomize.

    Args:
        command: returns the program and its first arguments; called for each build.
        seconds: how long a build may take.
        max_output: how many bytes it may print, and write to any one file.
    """

    def __init__(
        self,
        command: Callable[[], tuple[str, ...]],
        *,
        seconds: float = _SECONDS,
        max_output: int = _MAX_OUTPUT,
    ) -> None:
        self._command = command
        self._seconds = seconds
        self._max_output = max_output

    def build(self, tree: Tree, overlay: str) -> tuple[dict[str, Any], ...]:
        """Build one overlay.

        Args:
            tree: the files.
            overlay: its folder.

        Returns:
            The objects, in kustomize's order.

        Raises:
            Rejection: the overlay does not build.
        """
        with self.workspace(tree) as build:
            return build(overlay)

    @contextlib.contextmanager
    def workspace(self, tree: Tree) -> Iterator[Callable[[str], tuple[dict[str, Any], ...]]]:
        """Write files to a temporary folder that exists until the context ends.

        Args:
            tree: the files.

        Yields:
            A function that builds an overlay in a folder of the tree, as `build` does. It may be called from
            several threads at once.
        """
        with tempfile.TemporaryDirectory(prefix="coppice-") as folder:
            root = Path(folder).resolve()
            for parent in {(root / name).parent for name in tree}:
                parent.mkdir(parents=True, exist_ok=True)
            for name, content in tree.items():
                (root / name).write_bytes(content)
            yield partial(self._build, root)

    def _build(self, root: Path, overlay: str) -> tuple[dict[str, Any], ...]:
        with _CONCURRENT_BUILDS:
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
        environment = {"PATH": "", "HOME": str(root), "TMPDIR": str(root), **_NO_NETWORK, **_GO_RUNTIME}
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
            _set_limits(process.pid, math.ceil(self._seconds), self._max_output)

            def stop() -> None:
                timed_out.set()
                process.kill()

            timer = threading.Timer(self._seconds, stop)
            timer.start()
            with process:
                # Output beyond the limit is never read into memory.
                output = process.stdout.read(self._max_output + 1) if process.stdout else b""
                if len(output) > self._max_output:
                    process.kill()
            timer.cancel()
            errors.seek(0)
            stderr = errors.read(_MAX_ERROR).decode(errors="replace").replace(f"{root}/", "").strip()
        if timed_out.is_set():
            raise Rejection((Refusal(overlay, f"kustomize did not finish within {self._seconds:g} seconds"),))
        if len(output) > self._max_output:
            raise Rejection((Refusal(overlay, f"makes more than {self._max_output} bytes of objects"),))
        if process.returncode == -signal.SIGXCPU or stderr.startswith("SIGXCPU"):
            raise Rejection((Refusal(overlay, f"kustomize took more than {self._seconds:g} s of processor"),))
        if process.returncode != 0 and _OUT_OF_MEMORY.search(stderr):
            megabytes = _MAX_MEMORY // 1024 // 1024
            raise Rejection((Refusal(overlay, f"kustomize needs more than {megabytes} MB to build it"),))
        if process.returncode != 0:
            raise Rejection((Refusal(overlay, f"kustomize: {stderr or f'exit code {process.returncode}'}"),))
        return output


def _set_limits(process: int, seconds: int, output: int) -> None:
    """Set resource limits of a process, on Linux.

    They are set from outside: a function between fork and exec is not safe if there are other threads. The
    process runs without limits until then, which is too short for it to use much.
    """
    if sys.platform != "linux":
        return
    limits = (
        # Data and not address space, of which Go reserves much more than it uses.
        (resource.RLIMIT_DATA, _MAX_MEMORY),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_CORE, 0),
    )
    with contextlib.suppress(ProcessLookupError):  # the process has already ended
        for limit, value in limits:
            resource.prlimit(process, limit, (value, value))


def find(app_folder: Path) -> tuple[str, ...]:
    """Find kustomize: the one in the app's folder, or else `kustomize` or `kubectl` on the path.

    Args:
        app_folder: the folder of the app, which ships kustomize as `bin/kustomize`.

    Returns:
        The command that builds a folder.

    Raises:
        NotSetUp: none of them is there.
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
    """Copy kustomize to the temporary folder and make it executable.

    A deployed package is read-only, and packaging may have removed the executable bit.
    """
    stat = shipped.stat()
    copy = Path(tempfile.gettempdir()) / f"coppice-kustomize-{stat.st_mtime_ns}-{stat.st_size}"
    if not copy.exists():
        # Each thread writes a file of its own, and renaming it is atomic.
        with tempfile.NamedTemporaryFile(dir=copy.parent, delete=False) as temporary:
            temporary.write(shipped.read_bytes())
        Path(temporary.name).chmod(0o755)
        Path(temporary.name).rename(copy)
    return copy
