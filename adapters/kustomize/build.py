"""Builds overlays with kustomize, in a temporary folder, without network access or git, and with limits.

The limits are for time, memory, processor time and output. kustomize has no flag that forbids remote
resources. `provisioning.admission.sources` refuses them before the build; the isolation here is a second line
of defence.
"""

import contextlib
import os
import re
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from adapters.kustomize.process import MAX_MEMORY, Limits, Process, Program, Result
from adapters.kustomize.waiting import Waiting
from coppice.manifests.archive import Tree
from coppice.manifests.documents import BadYaml, load_all
from coppice.manifests.rejection import Refusal, Rejection
from coppice.reconciler.errors import NotSetUp

_SECONDS = 30
_MAX_OUTPUT = 16 * 1024 * 1024  # bytes; `provisioning.admission.size` allows less
# Creating a hundred files on a disk takes longer than building them.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  (what is made there has a random name)
_BLOCK = 8192  # bytes that a file takes beyond its content
_OUT_OF_MEMORY = re.compile(r"(runtime|fatal error): (out of memory|cannot allocate memory)")
# Per process of this app: each build takes a core for some hundredths of a second, and some sixty megabytes.
_CONCURRENT_BUILDS = threading.BoundedSemaphore(2)


class Kustomize:
    """Builds overlays with kustomize.

    Args:
        program: returns the program; called for each build.
        seconds: how long a build may take.
        max_output: how many bytes it may print, and write to any one file.
    """

    def __init__(
        self,
        program: Callable[[], Program],
        *,
        seconds: float = _SECONDS,
        max_output: int = _MAX_OUTPUT,
    ) -> None:
        self._program = program
        self._limits = Limits(seconds=seconds, output=max_output)
        self._waiting = Waiting()

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
        with tempfile.TemporaryDirectory(prefix="coppice-", dir=_place(tree)) as folder:
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
        program = self._program()
        if program.waits:
            process = self._waiting.tell(program, root, root / overlay)
            if process is None:
                process = Process(program, self._limits)
                process.tell(root, root / overlay)
            result = process.result()
            if result.stays:
                self._waiting.keep(process)
            else:
                self._waiting.add(program, self._limits)
        else:
            result = Process(program, self._limits, (root, root / overlay)).result()
        if reason := self._why_refused(result, result.errors.replace(f"{root}/", "").strip()):
            raise Rejection((Refusal(overlay, reason),))
        return result.output

    def _why_refused(self, result: Result, errors: str) -> str:
        """Why an overlay is refused, of whose build this came; empty if it is not."""
        seconds, most = self._limits.seconds, self._limits.output
        if result.timed_out:
            return f"kustomize did not finish within {seconds:g} seconds"
        if len(result.output) > most:
            return f"makes more than {most} bytes of objects"
        if result.built:
            return ""
        if result.code == -signal.SIGXCPU or errors.startswith("SIGXCPU"):
            return f"kustomize took more than {seconds:g} s of processor"
        if _OUT_OF_MEMORY.search(errors):
            return f"kustomize needs more than {MAX_MEMORY // 1024 // 1024} MB to build it"
        return f"kustomize: {errors or f'exit code {result.code}'}"


def _place(tree: Tree) -> Path | None:
    """Where to write files: in memory if there is plenty of room, or else in the usual temporary folder."""
    try:
        free = shutil.disk_usage(_IN_MEMORY).free
    except OSError:
        return None
    needed = sum(len(content) + _BLOCK for content in tree.values())
    return _IN_MEMORY if free > 8 * needed and os.access(_IN_MEMORY, os.W_OK | os.X_OK) else None


def find(app_folder: Path) -> Program:
    """Find kustomize: what is in the app's folder, or else `kustomize` or `kubectl` on the path.

    Args:
        app_folder: the folder of the app, which ships `bin/overlay-builder`.

    Returns:
        The program that builds a folder.

    Raises:
        NotSetUp: none of them is there.
    """
    for name, arguments in (("overlay-builder", ()), ("kustomize", ("build",))):
        shipped = app_folder / "bin" / name
        if shipped.is_file():
            program = str(shipped if os.access(shipped, os.X_OK) else _executable(shipped))
            return Program((program, *arguments), waits=not arguments)
    for name, arguments in (("kustomize", ("build",)), ("kubectl", ("kustomize",))):
        if found := shutil.which(name):
            return Program((found, *arguments))
    raise NotSetUp("kustomize was not found: `make setup` builds it into bin/, and `make package` ships it")


def _executable(shipped: Path) -> Path:
    """Copy a program to the temporary folder and make it executable.

    A deployed package is read-only, and packaging may have removed the executable bit.
    """
    stat = shipped.stat()
    copy = Path(tempfile.gettempdir()) / f"coppice-{shipped.name}-{stat.st_mtime_ns}-{stat.st_size}"
    if not copy.exists():
        # Each thread writes a file of its own, and renaming it is atomic.
        with tempfile.NamedTemporaryFile(dir=copy.parent, delete=False) as temporary:
            temporary.write(shipped.read_bytes())
        Path(temporary.name).chmod(0o755)
        Path(temporary.name).rename(copy)
    return copy
