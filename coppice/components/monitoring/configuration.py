"""Reads a Prometheus configuration, and finds the place in its text where scrape jobs can be inserted.

The place is taken from the positions that a YAML parser reports. If the text is not written plainly enough,
no place is found.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from coppice.components.monitoring.marks import Unsafe, line_break

JOBS = "scrape_configs"
SECTION = "# coppice: the line below is ours"


@dataclass(frozen=True)
class Place:
    """The place where lines are inserted.

    Args:
        at: the index of the character that they are inserted before.
        indent: the indentation of each line.
        before: the text to insert before the first line.
        flow: whether the lines are inserted into a list in brackets.
        last: whether the text ends there without a line break. The inserted text then ends without one too.
    """

    at: int
    indent: str = ""
    before: str = ""
    flow: bool = False
    last: bool = False


def read_config(text: str) -> tuple[dict[Any, Any], list[Any]]:
    """Read a configuration.

    Args:
        text: YAML.

    Returns:
        The configuration without its jobs, and its jobs.

    Raises:
        Unsafe: the text is not a Prometheus configuration.
    """
    try:
        said = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unsafe(f"it is no YAML ({' '.join(str(error).split())})") from error
    if not isinstance(said, dict | None):
        raise Unsafe("it is no map, as a Prometheus configuration is")
    rest = dict(said or {})
    jobs = rest.pop(JOBS, None) or []
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise Unsafe("its scrape_configs is no list of maps")
    return rest, jobs


def find_place(foreign: str) -> Place:
    """Find the place where jobs can be inserted.

    Args:
        foreign: a configuration without our jobs.

    Returns:
        The place.

    Raises:
        Unsafe: the configuration is not written plainly enough to insert jobs.
    """
    read_config(foreign)
    root = yaml.compose(foreign, Loader=yaml.CSafeLoader)
    eol = line_break(foreign)
    if root is None:
        return Place(0, before=f"{SECTION}{eol}{JOBS}:{eol}")
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise Unsafe("it is no map with a line for each key: write it as one")
    found = [(key, value) for key, value in root.value if key.value == JOBS]
    if len(found) > 1:
        raise Unsafe("it has scrape_configs twice, of which only one counts: make them one")
    if not found:
        first = root.value[0][0].start_mark
        indent = foreign[first.index - first.column : first.index]
        before = f"{indent}{SECTION}{eol}{indent}{JOBS}:{eol}"
        return Place(first.index - first.column, indent=indent, before=before)
    return _in_section(foreign, *found[0], eol)


def _in_section(foreign: str, key: yaml.Node, value: yaml.Node, eol: str) -> Place:
    start, key_end = value.start_mark, key.end_mark.index
    first = foreign[start.index : start.index + 1]
    if isinstance(value, yaml.SequenceNode) and start.index > key_end and first in {"-", "["}:
        if first == "[":
            return Place(start.index + 1, indent="  ", before=eol, flow=True)
        line = start.index - start.column
        return Place(line, indent=foreign[line : start.index])
    rest, newline, _ = foreign[key_end:].partition("\n")
    if isinstance(value, yaml.ScalarNode) and not value.value and re.fullmatch(r" *: *(#.*)?\r?", rest):
        indent = " " * key.start_mark.column
        at = key_end + len(rest) + len(newline)
        return Place(at, indent=indent) if newline else Place(at, indent=indent, before=eol, last=True)
    raise Unsafe(
        "its scrape_configs is an alias, has an anchor, or is written oddly: write it as a plain list"
    )
