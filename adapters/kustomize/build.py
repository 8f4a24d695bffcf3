"""Run the real kustomize in a folder of its own, with nothing in its environment, no git on its path, and a
time limit.

No flag of kustomize forbids remote resources. The guard refuses them before the build; this is the second
fence.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loop.errors import NotSetUp
from provisioning.guard.documents import BadYaml, load_all
from provisioning.refusal import Refusal, Refused
from provisioning.tree import Tree

_TIMEOUT = 30  # seconds
_MOST_OUTPUT = 16 * 1024 * 1024  # bytes; the guard allows less


class Kustomize:
    """Builds overlays.

    Args:
        command: the program and its first arguments; found when it is first needed.
    """

    def __init__(self, command: Callable[[], tuple[str, ...]]) -> None:
        self._command = command

    def build(self, tree: Tree, overlay: str) -> tuple[dict[str, Any], ...]:
        """Build one overlay.

        Args:
            tree: the files.
            overlay: its folder.

        Returns:
            The objects, in kustomize's order.

        Raises:
            Refused: it does not build.
        """
        with tempfile.TemporaryDirectory(prefix="coppice-") as folder:
            root = Path(folder).resolve()
            for name, content in tree.items():
                file = root / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            output = self._run(root, overlay)
        try:
            documents = load_all(output)
        except BadYaml as error:
            raise Refused(
                (Refusal(overlay, f"kustomize made of it what cannot be used: {error}"),)
            ) from error
        objects = tuple(each for each in documents if isinstance(each, dict))
        if len(objects) != len(documents):
            raise Refused((Refusal(overlay, "it holds a document that is no object"),))
        return objects

    def _run(self, root: Path, overlay: str) -> bytes:
        empty = {"PATH": "", "HOME": str(root), "TMPDIR": str(root)}
        try:
            done = subprocess.run(  # noqa: S603  (an absolute path, and no shell)
                [*self._command(), str(root / overlay)],
                cwd=root,
                env=empty,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(
                (Refusal(overlay, f"kustomize did not finish within {_TIMEOUT} seconds"),)
            ) from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").replace(str(root) + "/", "").strip()
            raise Refused((Refusal(overlay, f"kustomize: {said[-2000:]}"),))
        if len(done.stdout) > _MOST_OUTPUT:
            raise Refused((Refusal(overlay, f"makes more than {_MOST_OUTPUT >> 20} MiB of objects"),))
        return done.stdout


def find(app_folder: Path) -> tuple[str, ...]:
    """Find kustomize: the one shipped with the app, else `kustomize`, else `kubectl` on the path.

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
    """A deployed package is read-only and may have lost the executable bit: a copy in the temporary folder
    has it.
    """
    copy = Path(tempfile.gettempdir()) / f"coppice-kustomize-{shipped.stat().st_mtime_ns}"
    if not copy.exists():
        fresh = copy.with_suffix(f".{os.getpid()}")
        shutil.copyfile(shipped, fresh)
        fresh.chmod(0o755)
        fresh.rename(copy)
    return copy
