"""What could not be tested, and why: a line for each reason, at the end of a run.

pytest prints a number alone, and whoever has no PostgreSQL would take it for all of the tests.
"""

from collections import Counter

import pytest

_PREFIX = "Skipped: "


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Called by pytest when all tests have run.

    Args:
        terminalreporter: what was reported of them, by all workers.
    """
    skipped = terminalreporter.stats.get("skipped", ())
    # A place in a file, and then the reason, which says how to get what is missing.
    reasons = Counter(each.longrepr[2].removeprefix(_PREFIX) for each in skipped)
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"{number} skipped: {reason}", yellow=True)
