"""Time two or more things beside each other, in turns: whatever slows the machine down for a while slows all
of them, and the ratio stands.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence


def say(line: str) -> None:
    """Report progress on standard error, because standard output contains only figures."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()


def seconds(work: Callable[[], object]) -> float:
    """Return how many seconds a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(works: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """Measure several things in turns.

    Args:
        works: functions by name; each measures once, and returns the result.
        rounds: how often each function is called.

    Returns:
        The measurements of each function, by name.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(work())
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least the given share of all values does not exceed (nearest rank).

    Args:
        values: at least one value.
        share: the share; 0.5 gives the median.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
