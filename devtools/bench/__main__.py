"""`python -m devtools.bench [figure …]`, or `make bench`: each figure with its reference, as JSON.

`python -m devtools.bench profile` shows where the time of a run goes. The exit code is 1 if a
figure misses its limit; all are measured and printed first.
"""

import sys

from devtools.bench import (
    applying,
    build,
    burst,
    cold,
    counted,
    imports,
    memory,
    profile,
    running,
    sharing,
    sweep,
    unchanged,
    webhook,
)
from devtools.bench.timing import say

FIGURES = {
    "webhook": webhook.measure,
    "imports": imports.measure,
    "cold": cold.measure,
    "running": running.measure,
    "calls": counted.measure,
    "build": build.measure,
    "applied": applying.measure,
    "unchanged": unchanged.measure,
    "sweep": sweep.measure,
    "burst": burst.measure,
    "sharing": sharing.measure,
    "memory": memory.measure,
}


def main(names: list[str]) -> int:
    """Measure the given figures, and print them.

    Args:
        names: the names of the figures; none means all.

    Returns:
        The exit code: 1 if a figure misses its limit, else 0.
    """
    if names[:1] == ["profile"]:
        return profile.main(names[1:])
    unknown = sorted(set(names) - FIGURES.keys())
    if unknown:
        say(f"there is no figure {unknown[0]!r}; there are {', '.join(FIGURES)}")
        return 2
    missed = []
    for name in names or FIGURES:
        for figure in FIGURES[name]():
            sys.stdout.write(figure.line() + "\n")
            sys.stdout.flush()
            if not figure.reached:
                missed.append(figure.name)
    for each in missed:
        say(f"missed: {each}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
