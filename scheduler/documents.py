"""Read and set one value in a YAML document, and leave every other byte as it was.

A YAML 1.2 parser finds the value's position, and only that is overwritten. A dump of the whole document
would wrap long lines and change indentation, and the commit would show more than the line that it is about.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self, TypeAlias

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scheduler.parser import parser
from scheduler.scalars import Scalar, format_scalar, resolve

_Steps: TypeAlias = tuple[str | int, ...]

_STEP = re.compile(
    r"""(?:^|(?<=.)\.)(?P<key>[^.\[\]'"\s]+)
    | \[(?P<index>\d+)\]
    | \[(?P<quote>['"])(?P<quoted>[^'"]+)(?P=quote)\]""",
    re.VERBOSE,
)


class DocumentError(ValueError):
    """A document cannot be parsed, or has no usable value at a path; the message says which."""


@dataclass(frozen=True)
class Path:
    """A path in a document, such as `spec.values.replicaCount` or `containers[0].name`."""

    steps: _Steps

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a path.

        Args:
            text: keys, joined by dots. Brackets hold a list's index, or a quoted key that has dots itself:
                `metadata.annotations['cnpg.io/hibernation']`.

        Returns:
            The path.

        Raises:
            ValueError: the text is no path.
        """
        steps: list[str | int] = []
        end = 0
        while match := _STEP.match(text, end) if end < len(text) else None:
            steps.append(int(match["index"]) if match["index"] else match["quoted"] or match["key"])
            end = match.end()
        if not steps or end < len(text):
            raise ValueError(
                "expected a path such as environment.state;"
                " a key that has dots is quoted: annotations['cnpg.io/hibernation']"
            )
        return cls(tuple(steps))

    def __str__(self) -> str:
        parts = [
            f"[{step}]"
            if isinstance(step, int)
            else f".{step}"
            if re.fullmatch(r"[^.\[\]'\"\s]+", step)
            else f"['{step}']"
            for step in self.steps
        ]
        return "".join(parts).removeprefix(".")


def get(text: str, path: Path) -> Scalar:
    """Read a value.

    Args:
        text: YAML, of one or several documents.
        path: the value's path.

    Returns:
        The value by the rules of YAML 1.2: `on`, `off` and `NO` are text.

    Raises:
        DocumentError: the text cannot be parsed, or the value is in none or in several of its documents.
    """
    node = _find(text, path)
    if node.style is not None or str(node.tag).endswith(":str"):
        return str(node.value)
    return resolve(node.value)


def put(text: str, path: Path, value: Scalar) -> str:
    """Set an existing value.

    Args:
        text: YAML, of one or several documents.
        path: the value's path.
        value: the new value.

    Returns:
        The text, in which nothing else has changed. Text that YAML 1.1 would read differently is quoted.

    Raises:
        DocumentError: as for `get`; or the value is empty or takes several lines; or an alias or a merge key
            shares it with other paths, which would change too.
    """
    node = _find(text, path)
    for document in _documents(text):
        _check_unshared(document, path)
    start, end = node.start_mark.index, node.end_mark.index
    current = text[start:end]
    if node.style in {"|", ">"} or not current or current.startswith(("&", "!")):
        first_line = current.split("\n")[0] or "nothing"
        raise DocumentError(
            f"{path} is written as {first_line}: expected a plain or quoted value on one line"
        )
    return text[:start] + format_scalar(value, node.style) + text[end:]


@lru_cache(maxsize=64)  # one observation parses the same text for the branch and for every commit in force
def _documents(text: str) -> tuple[Node, ...]:
    try:
        return tuple(node for node in parser().compose_all(text) if node is not None)
    except MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DocumentError(f"it is not YAML{where}: {error.problem}") from error
    except (YAMLError, RecursionError) as error:
        raise DocumentError(f"it is not YAML: {error}") from error


def _find(text: str, path: Path) -> ScalarNode:
    found: list[ScalarNode] = []
    problem = DocumentError("it is empty")
    for document in _documents(text):
        try:
            found.append(_scalar(document, path))
        except DocumentError as error:
            problem = error
    if not found:
        raise problem
    if len(found) > 1:
        raise DocumentError(f"{path} stands in {len(found)} of its documents: expected it in one")
    return found[0]


def _scalar(document: Node, path: Path) -> ScalarNode:
    *_, node = _descend(document, path)
    if not isinstance(node, ScalarNode):
        raise DocumentError(f"{path} is {_kind(node)}: expected a single value")
    return node


def _descend(node: Node, path: Path) -> Iterator[Node]:
    """The nodes from the document's root down to the value."""
    yield node
    for number, step in enumerate(path.steps):
        parent = str(Path(path.steps[:number])) or "the document"
        if isinstance(step, int):
            if not isinstance(node, SequenceNode):
                raise DocumentError(
                    f"{path} is not there: {parent} is {_kind(node)}, and [{step}] needs a list"
                )
            if step >= len(node.value):
                raise DocumentError(f"{path} is not there: {parent} has {len(node.value)} items")
            before, following = node.start_mark.index, node.value[step]
        else:
            before, following = _entry(node, step, path, parent)
        if following.start_mark.index < before:
            raise DocumentError(f"{path} is not there itself: {parent} refers to it by an alias")
        node = following
        yield node


def _entry(node: Node, key: str, path: Path, parent: str) -> tuple[int, Node]:
    """The end of a key in a mapping, and its value."""
    if not isinstance(node, MappingNode):
        raise DocumentError(f"{path} is not there: {parent} is {_kind(node)}, and {key!r} needs a mapping")
    scalars = [(each, value) for each, value in node.value if isinstance(each, ScalarNode)]
    matching = [(each, value) for each, value in scalars if each.value == key]
    if len(matching) == 1:
        return matching[0][0].end_mark.index, matching[0][1]
    if not matching and any(str(each.tag).endswith(":merge") for each, _ in scalars):
        raise DocumentError(
            f"{path} is not there itself: {parent} can have it by a merge key (<<) alone: write it out"
        )
    raise DocumentError(f"{path} is not there: {parent} has {len(matching) or 'no'} keys {key!r}")


def _check_unshared(document: Node, path: Path) -> None:
    """Refuse a value that other paths share, by itself or with a node that contains it.

    Raises:
        DocumentError: the value is shared; the message says what is shared, by which anchor, and with what.
    """
    try:
        nodes = list(_descend(document, path))
    except DocumentError:
        return  # another document of the text has the value
    paths = _paths(document)
    for number, node in enumerate(nodes):
        others = [str(Path(each)) for each in paths[id(node)] if each != path.steps[:number]]
        if others:
            shared = str(Path(path.steps[:number])) or "the document"
            raise DocumentError(
                f"{path} cannot be set alone: {shared} is shared as &{node.anchor} with {', '.join(others)};"
                " write it out instead"
            )


def _paths(document: Node) -> dict[int, list[_Steps]]:
    """The paths of each node, by its id: first where it is written, then every alias of it."""
    paths: dict[int, list[_Steps]] = {}
    pending: list[tuple[Node, _Steps]] = [(document, ())]
    while pending:
        node, steps = pending.pop()
        paths.setdefault(id(node), []).append(steps)
        if len(paths[id(node)]) > 1:
            continue
        children: list[tuple[Node, _Steps]] = []
        if isinstance(node, MappingNode):
            for key, value in node.value:
                name = str(key.value) if isinstance(key, ScalarNode) else "?"
                children += [(key, (*steps, name)), (value, (*steps, name))]
        elif isinstance(node, SequenceNode):
            children = [(value, (*steps, index)) for index, value in enumerate(node.value)]
        pending += reversed(children)  # the last one is taken next
    return paths


def _kind(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return f"the value {node.value!r}"
    return "a mapping" if isinstance(node, MappingNode) else "a list"
