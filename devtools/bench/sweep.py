"""Figures: a sweep over healthy environments: its calls, how its time grows, its memory, and no write.

Each sweep runs in a fresh process, as the function that the timer starts.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from devtools.bench.figure import Figure
from devtools.bench.fleet import identities_for, stand
from devtools.bench.memory import own_peak_megabytes
from devtools.bench.testbed import Place, place
from devtools.bench.timing import say
from devtools.demo.processes import ROOT, shell

SIZES = (10, 100, 1000, 10000)
_MOST_MEGABYTES, _MOST_GROWTH = 250, 1.1
_ROUNDS = 2  # of the sweeps that are timed: whatever slows the machine down makes one slower, and none faster
_PER_PAGE = {"github": 100, "kubernetes": 500}


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The measurements of one sweep."""

    branches: int
    pages: int
    calls: int
    writes: int
    seconds: float
    cpu_seconds: float
    megabytes: float


def measure() -> Iterator[Figure]:
    """Measure sweeps over growing numbers of environments."""
    yield from figures([_sweep_a_herd(size) for size in SIZES])


def figures(sweeps: list[Sweep]) -> Iterator[Figure]:
    """Return the figures from sweeps over growing numbers of environments."""
    for each in sweeps:
        yield Figure(
            name=f"sweep of {each.branches} branches, calls beyond the lists' pages",
            # Any write makes the result invalid: a sweep of healthy environments must not write.
            value=float("inf") if each.writes else each.calls - each.pages,
            unit="calls",
            reference=f"the pages that listing needs, {each.pages}",
            most=5,
            samples={"calls": each.calls, "writes": each.writes, "seconds": round(each.seconds, 2)},
        )
    small, large = sweeps[-2], sweeps[-1]
    growth = (large.cpu_seconds / large.branches) / (small.cpu_seconds / small.branches)
    yield Figure(
        name=f"sweep, time of one branch among {large.branches}",
        value=growth,
        unit="times the reference",
        reference=f"time of one branch among {small.branches}, "
        f"{small.cpu_seconds / small.branches * 1e6:.0f} µs",
        most=_MOST_GROWTH,
        samples={f"processor seconds for {each.branches}": round(each.cpu_seconds, 3) for each in sweeps},
    )
    yield Figure(
        name=f"sweep of {large.branches} branches, peak memory",
        value=large.megabytes,
        unit="MB",
        reference=f"the same with {sweeps[0].branches} branches, {sweeps[0].megabytes:.0f} MB",
        most=_MOST_MEGABYTES,
    )


def _sweep_a_herd(branches: int) -> Sweep:
    with place(identities=identities_for(branches)) as there:
        began = time.monotonic()
        stand(there, branches, pause=time.sleep)
        say(f"sweep: {branches} environments stand after {time.monotonic() - began:.0f} s")
        sweeps = [sweep(there, branches) for _ in range(_ROUNDS)]
        return replace(
            sweeps[0],
            cpu_seconds=min(each.cpu_seconds for each in sweeps),
            megabytes=max(each.megabytes for each in sweeps),
            calls=max(each.calls for each in sweeps),
            writes=sum(each.writes for each in sweeps),
        )


def sweep(there: Place, branches: int) -> Sweep:
    """Run one sweep in a process of its own.

    Args:
        there: the emulators.
        branches: the number of environments.

    Returns:
        The measurements.

    Raises:
        RuntimeError: the sweep found work.
    """
    before = there.asked()
    taken = _run(there)
    asked = there.asked() - before
    if taken["keys"]:
        raise RuntimeError(f"the sweep found work where there was none: {taken['keys'][:3]}")
    return Sweep(
        branches=branches,
        pages=pages(branches, identities_for(branches)),
        calls=sum(asked.values()),
        writes=sum(count for (_, method), count in asked.items() if method not in {"GET", "HEAD"}),
        seconds=taken["seconds"],
        cpu_seconds=taken["cpu_seconds"],
        megabytes=taken["megabytes"],
    )


def pages(branches: int, identities: int) -> int:
    """Return the least number of pages that the lists need.

    The lists are those of branches, namespaces, records, credentials and leases.
    """
    heads = -(-(branches + 1) // _PER_PAGE["github"])
    objects = -(-branches // _PER_PAGE["kubernetes"])
    return heads + 2 * objects + identities + 1


def _run(there: Place) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "devtools.bench.sweep"],
        cwd=ROOT,
        env={**shell().variables, **there.settings},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Sweep the systems that the environment variables name, and print the measurements."""
    from app.container import Container
    from app.http.sweeps import execute_sweep

    program = Container(os.environ)
    began, cpu = time.perf_counter(), time.process_time()
    found, orphans = program.reconciler.sweep(most_deletions=program.settings.sweep_max_deletions)
    execute_sweep(found, orphans, queue=program, locks=program.reconciler.locks)
    taken = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "megabytes": own_peak_megabytes(),
        "keys": [each.branch for each in found.keys] + list(orphans),
    }
    sys.stdout.write(json.dumps(taken) + "\n")


if __name__ == "__main__":
    main()
