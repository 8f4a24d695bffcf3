"""A calm, a storm and what is left of it: the whole proof, in whatever size."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.storm.others import settle_in
from tests.chaos.storm.probes import look
from tests.chaos.storm.size import Size
from tests.chaos.storm.stage import host, stage
from tests.chaos.storm.storm import Storm, Summary


@dataclass(frozen=True, kw_only=True)
class Came:
    """How it came out.

    Attributes:
        summary: the numbers.
        wrong: everything that was not right after one sweep.
        log: what host and workers said.
    """

    summary: Summary
    wrong: tuple[str, ...]
    log: str


def weather(size: Size, folder: Path, say: Callable[[str], None]) -> Came:
    """Let a storm pass over the whole program.

    Args:
        size: how big it is.
        folder: an empty folder for all that is written.
        say: tells of each phase.

    Returns:
        How it came out.

    Raises:
        AzuriteMissingError: Azurite is not installed.
        AssertionError: it was not over in time.
    """
    with stage(folder, size) as place, host(place, size) as program:
        settle_in(place, size.identities)
        foreign = look(place).foreign()
        storm = Storm(size=size, place=place, program=program, say=say)
        calm = storm.calm()
        say(f"{len(calm)} environments stand to compare with; {size.workers} workers wait")
        summary = storm.pass_over()
        summary.wrong_before_the_sweep = storm.wrongs(calm)
        say(f"the queue is empty after {summary.seconds:.0f} s; wrong: {len(summary.wrong_before_the_sweep)}")
        storm.sweep()
        wrong = [*storm.wrongs(calm), *storm.left_over()]
        if look(place).foreign() != foreign:
            wrong.append("what others have is not as it was")
        say(f"after one sweep; wrong: {len(wrong)}")
        return Came(summary=summary, wrong=tuple(wrong), log=place.log.read_text(errors="replace"))
