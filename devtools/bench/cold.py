"""Figure: a cold worker, from its first queue message until its first call to an outside system.

The reference is what nobody can avoid: importing the modules that were loaded in between. A fresh interpreter
imports just these, in the order in which the worker did. Both have imported `function_app` before, as the
host does before it hands over a message.

The worker needs no outside system for this: it ends as soon as it opens a socket.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from devtools.bench.figure import Figure
from devtools.bench.timing import in_turns, percentile
from devtools.demo.processes import ROOT, shell, write_kubeconfig
from devtools.demo.world import SAMPLE
from devtools.host.settings import read_values

_ROUNDS = 15
_MOST = 1.3
# Nothing answers there, and nothing is asked: the URL makes the database's client a part of the run.
_NOWHERE = "127.0.0.1:9"
_DATABASE = {
    "POSTGRES_SERVER_URL": f"postgresql://coppice:cold@{_NOWHERE}/postgres",
    "DATABASE_TEMPLATE": "todo_staging",
}


def measure() -> Iterator[Figure]:
    """Start workers, and interpreters that only import, in turns."""
    with tempfile.TemporaryDirectory(prefix="coppice-bench-") as folder:
        kubeconfig = write_kubeconfig(Path(folder) / "kubeconfig", f"http://{_NOWHERE}")
        settings = {**read_values(SAMPLE), **_DATABASE, "KUBECONFIG": str(kubeconfig)}
        run = partial(_child, settings)
        modules: list[str] = run("worker")["modules"]  # the first worker may have to compile them
        run("imports", modules)
        taken = in_turns(
            {
                "worker": lambda: float(run("worker")["seconds"]),
                "imports": lambda: float(run("imports", modules)["seconds"]),
            },
            rounds=_ROUNDS,
        )
    yield figure(worker=taken["worker"], imports=taken["imports"], modules=len(modules))


def figure(*, worker: Sequence[float], imports: Sequence[float], modules: int) -> Figure:
    """Return the figure from the seconds of each worker, and those of each interpreter that only imports."""
    ours, floor = percentile(worker, 0.5), percentile(imports, 0.5)
    return Figure(
        name="first queue message until the first external call, cold worker",
        value=ours / floor,
        unit="times the reference",
        reference=f"import of the {modules} modules that it loads, {floor * 1000:.0f} ms",
        most=_MOST,
        samples={"milliseconds": round(ours * 1000, 1)},
    )


def _child(settings: Mapping[str, str], part: str, modules: Sequence[str] = ()) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "devtools.bench.cold_worker", part],
        cwd=ROOT,
        env={**shell().variables, **settings},
        input=json.dumps(modules),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
