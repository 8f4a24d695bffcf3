"""Prints the reasons for skipped tests, one line for each, at the end of a run.

pytest itself prints only their number, so a missing PostgreSQL would go unnoticed.
"""

from collections import Counter

import pytest

_PREFIX = "Skipped: "


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the reasons. pytest calls this hook when all tests have run.

    Args:
        terminalreporter: holds the reports of all workers.
    """
    skipped = terminalreporter.stats.get("skipped", ())
    # `longrepr` is the file, the line and the reason. The reason says how to install what is missing.
    reasons = Counter(each.longrepr[2].removeprefix(_PREFIX) for each in skipped)
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"{number} skipped: {reason}", yellow=True)
