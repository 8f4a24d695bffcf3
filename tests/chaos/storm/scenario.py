"""The whole proof, in any size: reference environments, a storm, a sweep, and the deviations."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.storm.others import create_foreign_objects
from tests.chaos.storm.probes import take_snapshot
from tests.chaos.storm.size import Size
from tests.chaos.storm.stage import host, stage
from tests.chaos.storm.storm import Storm, Summary


@dataclass(frozen=True, kw_only=True)
class StormResult:
    """The result of a storm.

    Attributes:
        summary: the numbers.
        wrong: everything that was wrong after one sweep.
        log: the log of the host and its workers.
    """

    summary: Summary
    wrong: tuple[str, ...]
    log: str


def run_storm(size: Size, folder: Path, report: Callable[[str], None]) -> StormResult:
    """Run a storm against the whole program.

    Args:
        size: how big it is.
        folder: an empty folder for all files.
        report: gets a line about each phase.

    Returns:
        The result.

    Raises:
        AzuriteMissingError: Azurite is not installed.
        AssertionError: the storm took too long.
    """
    with stage(folder, size) as systems, host(systems, size) as program:
        create_foreign_objects(systems, size.identities)
        foreign = take_snapshot(systems).foreign()
        storm = Storm(size=size, systems=systems, program=program, report=report)
        reference = storm.reference()
        report(f"{len(reference)} environments stand to compare with; {size.workers} workers wait")
        summary = storm.run()
        summary.wrong_before_the_sweep = storm.deviations(reference)
        report(
            f"the queue is empty after {summary.seconds:.0f} s; wrong: {len(summary.wrong_before_the_sweep)}"
        )
        storm.sweep()
        wrong = [*storm.deviations(reference), *storm.leftovers()]
        if take_snapshot(systems).foreign() != foreign:
            wrong.append("what others have is not as it was")
        report(f"after one sweep; wrong: {len(wrong)}")
        return StormResult(summary=summary, wrong=tuple(wrong), log=systems.log.read_text(errors="replace"))
