"""Inserts the scrape jobs of branches into a Prometheus configuration that belongs to others.

The jobs are inserted as separate lines before the others' jobs, and are removed as whole lines, so that no
byte of the others' text changes. The text is parsed before and after each edit. It is written only if the
result is the others' configuration with our jobs and nothing else.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from coppice.components.monitoring.configuration import JOBS, SECTION, find_place, read_config
from coppice.components.monitoring.marks import Owner, Unsafe, line_break, mark, read

_BLOCK = re.compile(
    r"^[ ]*\# coppice: begin (?P<owner>\{.*\})\r?\n"
    r"(?P<jobs>(?:[ ]*(?:-[ ])?\{.*\},?\r?\n)*)"
    r"[ ]*\# coppice: end (?P=owner)(?:\r?\n|\Z)",
    re.MULTILINE,
)
_HEADER = re.compile(rf"^[ ]*{re.escape(SECTION)}\r?\n(?P<key>[ ]*{JOBS}:\r?\n)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """The jobs of one branch.

    Each is one line of JSON, because all YAML parsers read JSON in the same way.
    """

    owner: Owner
    jobs: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """Return the names of its jobs."""
        return frozenset(str(json.loads(job).get("job_name")) for job in self.jobs)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A run of adjacent blocks: its start and end in the text, and whether it is in a list in brackets."""

    start: int
    end: int
    flow: bool
    blocks: tuple[Block, ...]


def block(owner: Owner, jobs: Iterable[Mapping[str, Any]]) -> Block:
    """Return the block of a branch's jobs."""
    return Block(owner, tuple(json.dumps(job, ensure_ascii=False) for job in jobs))


def names(text: str) -> frozenset[str]:
    """Return the names of a configuration's jobs."""
    return frozenset(str(job.get("job_name")) for job in read_config(text)[1])


def split(text: str) -> tuple[str, tuple[Block, ...]]:
    """Separate our jobs from a configuration.

    Args:
        text: a Prometheus configuration.

    Returns:
        The others' text, byte for byte, and our blocks. A block that somebody has edited counts as theirs.

    Raises:
        Unsafe: the text cannot be read as a configuration, or its meaning without our lines is not that of
            the others' configuration.
    """
    read_config(text)
    blocks: list[Block] = []
    kept, end = "", 0
    for run in _runs(text):
        before = text[end : run.start]
        if run.flow or (run.end == len(text) and not text.endswith("\n")):
            # We added this line break, after the opening bracket or at the end of a text that had none.
            before = before.removesuffix("\n").removesuffix("\r")
        kept, end = kept + before, run.end
        blocks += run.blocks
    foreign = kept + text[end:]
    # If others have added jobs below a key that we inserted, the key stays and counts as theirs.
    for candidate in (_HEADER.sub("", foreign, count=1), _HEADER.sub(r"\g<key>", foreign, count=1)):
        if _holds(text, candidate, blocks):
            return candidate, tuple(blocks)
    raise Unsafe("the lines between its `# coppice:` marks are not where jobs stand: take them out by hand")


def join(foreign: str, blocks: Iterable[Block]) -> str:
    """Insert our jobs into a configuration.

    Args:
        foreign: the others' text, without our jobs.
        blocks: our blocks.

    Returns:
        The configuration. It does not depend on the order of the blocks.

    Raises:
        Unsafe: the jobs cannot be inserted without changing the rest.
    """
    ordered = tuple(sorted(blocks, key=lambda each: each.owner.order))
    if not ordered:
        return foreign
    place, eol = find_place(foreign), line_break(foreign)
    lines = [
        f"{place.indent}{line}{eol}"
        for each in ordered
        for line in (
            mark("begin", each.owner),
            *(f"{job}," if place.flow else f"- {job}" for job in each.jobs),
            mark("end", each.owner),
        )
    ]
    ours = place.before + "".join(lines)
    text = foreign[: place.at] + (ours.removesuffix(eol) if place.last else ours) + foreign[place.at :]
    try:
        kept = split(text) == (foreign, ordered)
    except Unsafe:
        kept = False
    if not kept:
        raise Unsafe(
            "jobs cannot be put in without changing the rest: write its scrape_configs as a plain list"
        )
    return text


def _runs(text: str) -> list[_Run]:
    runs: list[_Run] = []
    for found in _BLOCK.finditer(text):
        owner, lines = read(found["owner"]), found["jobs"].split()
        if owner is None:
            continue
        each = Block(owner, tuple(line.strip(" -,\r") for line in found["jobs"].splitlines()))
        if runs and runs[-1].end == found.start():
            runs[-1] = replace(runs[-1], end=found.end(), blocks=(*runs[-1].blocks, each))
        else:
            runs.append(
                _Run(start=found.start(), end=found.end(), flow=lines[:1] not in ([], ["-"]), blocks=(each,))
            )
    return runs


def _holds(text: str, foreign: str, blocks: Iterable[Block]) -> bool:
    """Return whether a text means the others' configuration with our jobs and nothing else."""
    try:
        (rest, jobs), others = read_config(text), read_config(foreign)
        for job in (json.loads(job) for each in blocks for job in each.jobs):
            jobs.remove(job)
        same = (rest, jobs) == others
    except (Unsafe, ValueError, RecursionError):
        return False
    return same
