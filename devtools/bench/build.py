"""Figure: how long building the example's two overlays takes in a worker that has built before, beside
`kustomize build` of both in one process.

Ours includes what kustomize as a process does not do: writing the files to a folder, and reading what it
prints.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from adapters.kustomize.build import Kustomize, find
from coppice.manifests.archive import Tree
from coppice.manifests.documents import load_all
from devtools.bench.figure import Figure
from devtools.bench.kubectl import BOTH, write_manifests
from devtools.bench.timing import in_turns, percentile, seconds
from devtools.tools.binaries import ROOT

_ROUNDS = 25
_OVERLAYS = ("overlays/feature", "overlays/azure-feature")


def measure() -> Iterator[Figure]:
    """Build the overlays in both ways, in turns.

    Raises:
        RuntimeError: the two ways build different objects.
    """
    with tempfile.TemporaryDirectory(prefix="coppice-bench-") as folder, ThreadPoolExecutor(2) as pool:
        manifests = write_manifests(Path(folder) / "manifests", slug="bench")
        tree = _read(manifests)
        worker = Kustomize(lambda: find(ROOT))
        command = [str(ROOT / "bin" / "kustomize"), "build", str(manifests / BOTH)]

        def ours() -> list[dict[str, Any]]:
            with worker.workspace(tree) as build:
                return [each for built in pool.map(build, _OVERLAYS) for each in built]

        def theirs() -> bytes:
            return subprocess.run(command, check=True, capture_output=True).stdout

        objects = ours()
        if sorted(map(repr, objects)) != sorted(map(repr, load_all(theirs()))):
            raise RuntimeError("a worker builds other objects than kustomize does")
        taken = in_turns({"ours": lambda: seconds(ours), "theirs": lambda: seconds(theirs)}, rounds=_ROUNDS)
    yield figure(ours=taken["ours"], theirs=taken["theirs"], objects=len(objects))


def figure(*, ours: list[float], theirs: list[float], objects: int) -> Figure:
    """Return the figure from the seconds of each build."""
    build, process = percentile(ours, 0.5), percentile(theirs, 0.5)
    return Figure(
        name=f"build of the example's overlays ({objects} objects), warm worker",
        value=build / process,
        unit="times the reference",
        reference=f"kustomize build as a process, {process * 1000:.0f} ms",
        most=0.5,
        samples={"milliseconds": round(build * 1000, 1)},
    )


def _read(folder: Path) -> Tree:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)): each.read_bytes() for each in files}
