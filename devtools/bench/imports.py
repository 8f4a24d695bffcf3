"""Figure: what importing the app costs. A cold start pays for it before the first webhook is answered, and
the SDK of Functions alone is what every app pays.

The interpreter's own start is left out: it would hide the difference.
"""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from devtools.bench.figure import Figure
from devtools.bench.timing import in_turns, percentile

_ROUNDS = 15
_IMPORT = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def measure() -> Iterator[Figure]:
    """Time the import of the app and that of the SDK, each in fresh processes."""
    _fresh("function_app")  # the first import may have to compile the modules
    taken = in_turns(
        {name: partial(_fresh, name) for name in ("function_app", "azure.functions")},
        rounds=_ROUNDS,
    )
    yield figure(ours=taken["function_app"], floor=taken["azure.functions"])


def figure(*, ours: list[float], floor: list[float]) -> Figure:
    """Return the figure from the seconds of each import."""
    app, sdk = percentile(ours, 0.5), percentile(floor, 0.5)
    return Figure(
        name="import of function_app",
        value=app / sdk,
        unit="times the reference",
        reference=f"import of azure.functions, {sdk * 1000:.0f} ms",
        most=1.5,
        samples={"milliseconds": round(app * 1000, 1)},
    )


def _fresh(module: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT.format(module)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)
