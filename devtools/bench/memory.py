"""Figure: the peak memory of a worker that makes environments side by side, beside that of its imports alone.

What the smallest instance on Azure has is shared by the host and the worker, so a worker has to be modest.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devtools.bench.figure import Figure
from devtools.bench.testbed import Place, place
from devtools.demo.processes import ROOT, shell

_BRANCHES = 24
_SIDE_BY_SIDE = 12  # host.json: a batch of 8, and the next batch when 4 are left
_IMPORTS = (
    "function_app",
    "adapters.storage.queue",
    "azure.identity",
    "app.branches",
    "app.power",
    "app.settings",
)


def measure() -> Iterator[Figure]:
    """Run a worker that creates environments of the example, and one that only imports its modules."""
    names = [f"feature/memory-{number:02}" for number in range(_BRANCHES)]
    with place(identities=4) as there:
        there.branch_off(names)
        yield figure(worker=_child(there, *names), imports=_child(there))


def figure(*, worker: float, imports: float) -> Figure:
    """Return the figure from the peaks of both, in megabytes."""
    return Figure(
        name="peak memory of a worker",
        value=worker,
        unit="MB",
        reference=f"its imports alone, {imports:.0f} MB",
        most=180,
        samples={"environments made": _BRANCHES, "side by side": _SIDE_BY_SIDE},
    )


def own_peak_megabytes() -> float:
    """Return the peak memory of this process."""
    return peak_megabytes(os.getpid())


def peak_megabytes(process: int) -> float:
    """Return the largest resident memory that a process has had so far, in megabytes.

    Args:
        process: the process id.
    """
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _child(there: Place, *branches: str) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "devtools.bench.memory", *branches],
        cwd=ROOT,
        env={**shell().variables, **there.settings},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(done.stdout)


def main(branches: list[str]) -> None:
    """Import a worker's modules, create the environments of the branches, and print the peak memory."""
    import importlib

    for name in _IMPORTS:
        importlib.import_module(name)
    if branches:
        _work(branches)
    sys.stdout.write(json.dumps(own_peak_megabytes()))


def _work(branches: list[str]) -> None:
    from app.container import container
    from devtools.bench.fleet import settle

    program = container()
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for _ in pool.map(lambda branch: settle(program, branch, pause=time.sleep), branches):
            pass


if __name__ == "__main__":
    main(sys.argv[1:])
