"""`python -m tests.chaos.storm`: the whole storm, told phase by phase. The last line is a JSON
object with the numbers; the exit code is 1 if something is wrong afterwards.
"""

import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.chaos.storm.scenario import weather
from tests.chaos.storm.size import FULL


def main() -> int:
    """Let it pass."""
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:6.1f} s  {line}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="coppice-storm-") as folder:
        came = weather(FULL, Path(folder), say)
    sys.stdout.write(json.dumps({**asdict(came.summary), "wrong": came.wrong}) + "\n")
    return 1 if came.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
