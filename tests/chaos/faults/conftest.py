"""One laboratory for each process that runs tests, and a table of all experiments at the end."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.chaos.faults.experiments import EXPERIMENTS, Experiments
from tests.chaos.faults.laboratory import Laboratory, laboratory


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """The emulators, and what runs the program."""
    with laboratory(tmp_path_factory.mktemp("laboratory")) as created:
        yield created


@pytest.fixture(scope="session")
def experiments(lab: Laboratory) -> Experiments:
    """Runs experiments in the laboratory."""
    return Experiments(lab)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of experiments by operation and fault."""
    table: dict[str, Counter[str]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == EXPERIMENTS:
                operation, fault, number = value
                table.setdefault(fault, Counter())[operation] += number
    if not table:
        return
    operations = sorted({operation for row in table.values() for operation in row})
    terminalreporter.section("experiments with one fault each, all of which came to the same end")
    terminalreporter.line(f"{'fault':26}" + "".join(f"{each:>20}" for each in operations))
    for fault, row in table.items():
        terminalreporter.line(f"{fault:26}" + "".join(f"{row[each]:20}" for each in operations))
    terminalreporter.line(
        f"{'in all':26}" + "".join(f"{sum(row[each] for row in table.values()):20}" for each in operations)
    )
