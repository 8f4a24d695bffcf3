"""Read and set one value in a YAML document, and leave every other byte of it as it was.

The value's place is found by a YAML 1.2 parser and only that place is written: a dump of the whole document
would wrap long lines and shift indentation, and a commit should show the one line that it is about.
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
    """A document has not what a path asks for, or cannot be read; the message says which."""


@dataclass(frozen=True)
class Path:
    """A place in a document, such as `spec.values.replicaCount` or `containers[0].name`."""

    steps: _Steps

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a path.

        Args:
            text: keys with dots between them; in brackets a list's index, or a key in quotes that has dots
                itself: `metadata.annotations['cnpg.io/hibernation']`.

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
        path: where the value is.

    Returns:
        The value as YAML 1.2 has it: `on`, `off` and `NO` are text.

    Raises:
        DocumentError: it cannot be read, or there is no such value in it, or in several of its documents.
    """
    node = _find(text, path)
    if node.style is not None or str(node.tag).endswith(":str"):
        return str(node.value)
    return resolve(node.value)


def put(text: str, path: Path, value: Scalar) -> str:
    """Set a value that is there.

    Args:
        text: YAML, of one or several documents.
        path: where the value is.
        value: what it is to be.

    Returns:
        The text, in which nothing else has changed. What a YAML 1.1 reader would not take for text is quoted.

    Raises:
        DocumentError: as for `get`; or the value takes several lines or is empty; or other places share it,
            and would change along with it.
    """
    node = _find(text, path)
    for document in _documents(text):
        _check_unshared(document, path)
    start, end = node.start_mark.index, node.end_mark.index
    stands = text[start:end]
    if node.style in {"|", ">"} or not stands or stands.startswith(("&", "!")):
        wrong = stands.split("\n")[0] or "nothing"
        raise DocumentError(f"{path} is written as {wrong}: expected a plain or quoted value on one line")
    return text[:start] + format_scalar(value, node.style) + text[end:]


@lru_cache(maxsize=64)  # one look reads the same text at the branch and at every commit in force
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
    """What a mapping has under a key, and where the key ends."""
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
    """Refuse a value that stands in other places too, be it that something around it does.

    Raises:
        DocumentError: what is shared, by which anchor, and with what.
    """
    try:
        nodes = list(_descend(document, path))
    except DocumentError:
        return  # another document of the text has the value
    places = _places(document)
    for number, node in enumerate(nodes):
        others = [str(Path(each)) for each in places[id(node)] if each != path.steps[:number]]
        if others:
            what = str(Path(path.steps[:number])) or "the document"
            raise DocumentError(
                f"{path} cannot be set alone: {what} is shared as &{node.anchor} with {', '.join(others)};"
                " write it out instead"
            )


def _places(document: Node) -> dict[int, list[_Steps]]:
    """Where each node stands, by its id: first where it is written, then wherever an alias refers to it."""
    places: dict[int, list[_Steps]] = {}
    todo: list[tuple[Node, _Steps]] = [(document, ())]
    while todo:
        node, at = todo.pop()
        places.setdefault(id(node), []).append(at)
        if len(places[id(node)]) > 1:
            continue
        inner: list[tuple[Node, _Steps]] = []
        if isinstance(node, MappingNode):
            for key, value in node.value:
                name = str(key.value) if isinstance(key, ScalarNode) else "?"
                inner += [(key, (*at, name)), (value, (*at, name))]
        elif isinstance(node, SequenceNode):
            inner = [(value, (*at, index)) for index, value in enumerate(node.value)]
        todo += reversed(inner)  # the last is taken first
    return places


def _kind(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return f"the value {node.value!r}"
    return "a mapping" if isinstance(node, MappingNode) else "a list"
