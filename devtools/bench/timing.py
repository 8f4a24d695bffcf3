"""Time two or more things beside each other, in turns: whatever slows the machine down for a while slows all
of them, and the ratio stands.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence


def say(line: str) -> None:
    """Tell how it goes, on standard error: standard output holds figures alone."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(works: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """Measure several things in turns.

    Args:
        works: by name, what measures itself once.
        rounds: how often each is measured.

    Returns:
        The measurements of each.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(work())
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all does not exceed (nearest rank).

    Args:
        values: at least one.
        share: 0.5 is the median.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
