"""`python -m tests.chaos.storm`: the whole storm; it prints each phase.

The last line is a JSON object with the numbers. The exit code is 1 if something is wrong afterwards.
"""

import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.chaos.storm.scenario import run_storm
from tests.chaos.storm.size import FULL


def main() -> int:
    """Run the storm."""
    started = time.monotonic()

    def report(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - started:6.1f} s  {line}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="coppice-storm-") as folder:
        result = run_storm(FULL, Path(folder), report)
    sys.stdout.write(json.dumps({**asdict(result.summary), "wrong": result.wrong}) + "\n")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
