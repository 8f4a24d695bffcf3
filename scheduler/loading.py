"""Read a schedule file, completely or not at all.

A schedule that is understood in part puts the wrong thing to sleep. So every mistake is reported, with its
line, what is there and what was expected.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pydantic import BaseModel, ValidationError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scheduler.parser import parser
from scheduler.schedule import Environment, Flag, Price, Schedule, Sync, UptimeWindow
from scheduler.shared_flags import flag_location

Location: TypeAlias = tuple[str | int, ...]


class ScheduleError(ValueError):
    """A schedule has mistakes. The message has a line for each."""


def load(text: str, *, name: str = "schedule.yaml", repository: str = "") -> Schedule:
    """Read a schedule.

    Args:
        text: YAML 1.2.
        name: the file's name, for messages.
        repository: the default repository of flags.

    Returns:
        The schedule.

    Raises:
        ScheduleError: the schedule has mistakes; the message names all of them.
    """
    try:
        values, root = parser().load(text), parser().compose(text)
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ScheduleError(f"{name}{line}: {error.problem}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise ScheduleError(f"{name}: {error}") from error
    try:
        schedule = Schedule.model_validate(values)
    except ValidationError as error:
        mistakes = list(_mistakes(error))
    else:
        mistakes = list(_contradictions(schedule, repository))
        if not mistakes:
            return schedule
    lines = sorted({(_line(root, location), message) for location, message in mistakes})
    raise ScheduleError("\n".join(f"{name}, line {line}: {message}" for line, message in lines))


def _mistakes(error: ValidationError) -> Iterator[tuple[Location, str]]:
    for each in error.errors(include_url=False):
        location, expected = each["loc"], each["msg"].removeprefix("Value error, ")
        where = _format(location) or "the file"
        if each["type"] == "missing":
            yield location, f"{where} is missing"
        elif each["type"] == "extra_forbidden":
            yield location, f"{where} is not known here: expected one of {', '.join(_keys(location[:-1]))}"
        elif each["type"] == "too_short":
            if not each["input"]:  # else its wrong items are reported
                yield location, f"{where} is empty: expected at least one"
        elif each["type"] in {"model_type", "dict_type"}:
            yield location, f"{where} is {each['input']!r}: expected a mapping"
        else:
            found = f" is {each['input']!r}" if isinstance(each["input"], str | int | float) else ""
            yield location, f"{where}{found}: {expected.replace('Input should be', 'expected')}"


def _keys(location: Location) -> tuple[str, ...]:
    match location:
        case ():
            part: type[BaseModel] = Schedule
        case (*_, "state", int()):
            part = Flag
        case (*_, "sync", int()):
            part = Sync
        case ("price",):
            part = Price
        case ("environments", "features"):
            part = UptimeWindow
        case _:
            part = Environment
    return tuple(part.model_fields)


def _contradictions(schedule: Schedule, repository: str) -> Iterator[tuple[Location, str]]:
    """Find contradictions between parts of a schedule that are each valid."""
    flags: dict[tuple[str, ...], str] = {}
    pools: dict[str, str] = {}
    namespaces: dict[str, str] = {}
    for name, environment in schedule.named.items():
        root = ("environments", name)
        if not name.replace("-", "").isalnum() or not name.islower() or name[0] == "-":
            yield root, f"environment {name!r}: expected lower-case letters, digits and '-', such as dev"
        for index, flag in enumerate(environment.state):
            other = flags.setdefault((*flag_location(flag, repository), flag.branch), name)
            hours = schedule.named[other]
            if (hours.awake, hours.lead_time) != (environment.awake, environment.lead_time):
                location = (*root, "state", index)
                yield (
                    location,
                    f"{_format(location)} is {flag}: {other} has it too, and other hours: expected the same",
                )
        for index, pool in enumerate(environment.pools):
            location = (*root, "pools", index)
            if pool in schedule.protected_pools:
                yield (
                    location,
                    f"{_format(location)} is {pool!r}: expected a pool that is not in protected_pools",
                )
            elif pool in pools:
                yield (
                    location,
                    f"{_format(location)} is {pool!r}: expected a pool of its own, {pools[pool]} has it",
                )
            pools[pool] = name
        for index, namespace in enumerate(environment.namespaces):
            location = (*root, "namespaces", index)
            if namespace in namespaces:
                owner = namespaces[namespace]
                yield (
                    location,
                    f"{_format(location)} is {namespace!r}: expected one of its own, {owner} has it",
                )
            namespaces[namespace] = name


def _format(location: Location) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).removeprefix(
        "."
    )


def _line(root: Node | None, location: Sequence[str | int]) -> int:
    """The line of a location, or of its nearest parent that exists."""
    node, line = root, 1
    for step in location:
        if isinstance(node, MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
            if found is None:
                break
            key, node = found
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            key = node = node.value[step]
        else:
            break
        line = (node if isinstance(node, ScalarNode) else key).start_mark.line + 1
    return int(line)
