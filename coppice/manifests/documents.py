"""Reads untrusted YAML.

A few lines with anchors can expand to gigabytes, and two parsers may read the same file differently. So the
expanded size is counted while the documents are built, and syntax that parsers disagree about is refused.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from coppice.manifests.scalar_tags import MERGE, STR, tag_of

DEPTH = 100
NODES = 200_000
DOCUMENTS = 5_000
CHARACTERS = 16 * 1024 * 1024


class BadYaml(Exception):
    """A YAML stream cannot be read; the message says why, and in which line if that is known."""


def count(data: bytes | str, *, nodes: int = NODES) -> int:
    """Count the nodes that a YAML stream expands to, without expanding it.

    Args:
        data: any number of documents.
        nodes: the highest number of nodes that is accepted.

    Returns:
        The number of nodes. An alias counts as many as the node that it refers to.

    Raises:
        BadYaml: the stream is no YAML, has tags (`!!binary`), nests deeper than `DEPTH`, has more documents
            than `DOCUMENTS`, or expands to more than `nodes` or `CHARACTERS`.
    """
    counter = _Counter(nodes)
    for event in _events(data):
        counter.add(event)
    return counter.total


def load_all(data: bytes | str, *, nodes: int = NODES) -> list[object]:
    """Load the documents of a YAML stream, with the types that Kubernetes' own tools give to scalars.

    A key is its written text, so `on:` stays `on`. Duplicate keys, merge keys (`<<`) and keys that are no
    scalars are refused, because parsers disagree about them.

    Args:
        data: any number of documents.
        nodes: the highest number of nodes that it may expand to.

    Returns:
        The documents; an empty one is `None`.

    Raises:
        BadYaml: the stream has such a key, or `count` refuses it.
    """
    counter, builder = _Counter(nodes), _Builder()
    for event in _events(data):
        counter.add(event)
        builder.add(event)
    return builder.documents


def load(data: bytes | str, *, nodes: int = NODES) -> object:
    """Load a YAML stream with at most one document.

    Args:
        data: the stream.
        nodes: the highest number of nodes that it may expand to.

    Returns:
        The document; `None` if there is none.

    Raises:
        BadYaml: `load_all` refuses the stream, or it has several documents.
    """
    documents = load_all(data, nodes=nodes)
    if len(documents) > 1:
        raise BadYaml(f"holds {len(documents)} documents instead of one")
    return documents[0] if documents else None


def _events(data: bytes | str) -> Iterator[yaml.Event]:
    try:
        for event in yaml.parse(data, Loader=yaml.CSafeLoader):
            if (tag := getattr(event, "tag", None)) is not None:
                written = str(tag).replace("tag:yaml.org,2002:", "!!")[:80]
                raise _refused(event, f"the tag {written!r} is not read; leave it out")
            yield event
    except (yaml.YAMLError, ValueError) as error:
        raise _bad(error) from error


def _line(mark: object) -> str:
    line = getattr(mark, "line", None)
    return "" if line is None else f"line {line + 1}: "


def _bad(error: Exception) -> BadYaml:
    if isinstance(error, yaml.MarkedYAMLError):
        return BadYaml(f"{_line(error.problem_mark)}{error.problem}")
    return BadYaml(_short_message(error))


def _short_message(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


class _Counter:
    """Counts what a stream expands to, event by event: nodes, and characters of its scalars."""

    def __init__(self, max_nodes: int) -> None:
        self.total = self._characters = self._documents = 0
        self._max_nodes = max_nodes
        # Anchor → nodes and characters. Nodes without an anchor are stored under None, which is never read.
        self._sizes: dict[str | None, tuple[int, int]] = {}
        # The open collections: anchor, and the nodes and characters before each.
        self._open: list[tuple[str | None, int, int]] = []

    def add(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._sizes[event.anchor] = (1, len(event.value))
            self.total += 1
            self._characters += len(event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open.append((event.anchor, self.total, self._characters))
            self.total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, nodes, characters = self._open.pop()
            self._sizes[anchor] = (self.total - nodes, self._characters - characters)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._sizes:
                raise _refused(event, "this alias has no anchor before it, or is part of what it stands for")
            nodes, characters = self._sizes[event.anchor]
            self.total += nodes
            self._characters += characters
        elif isinstance(event, yaml.DocumentStartEvent):
            self._sizes.clear()
            self._documents += 1
        self._enforce_limits(event)

    def _enforce_limits(self, event: yaml.Event) -> None:
        if self._documents > DOCUMENTS:
            raise _refused(event, f"holds more than {DOCUMENTS} documents")
        if len(self._open) > DEPTH:
            raise _refused(event, f"nests deeper than {DEPTH} levels")
        if self.total > self._max_nodes:
            raise _refused(event, f"unfolds to more than {self._max_nodes} nodes")
        if self._characters > CHARACTERS:
            raise _refused(event, f"unfolds to more than {CHARACTERS} characters")


class _Builder:
    """Builds documents event by event.

    PyYAML's own loader first makes a graph of nodes, which takes ten times the memory.
    """

    def __init__(self) -> None:
        self.documents: list[object] = []
        self._anchored: dict[str | None, object] = {}
        self._open: list[dict[str, object] | list[object]] = []
        self._key: str | None = None

    def add(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchored = {}
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            value: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._put(event, value)
            self._open.append(value)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._put(event, self._anchored[event.anchor or ""])

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        holder = self._open[-1] if self._open else None
        if not isinstance(holder, dict) or self._key is not None:
            self._put(event, _scalar(event))
            return
        if event.implicit[0] and tag_of(event.value) == MERGE:
            raise _refused(event, "the merge key `<<` is not read; write out what it would bring in")
        if event.value in holder:
            raise _refused(event, "the same key stands here twice")
        self._key = event.value
        self._anchor(event, _scalar(event))

    def _put(self, event: Any, value: object) -> None:
        holder = self._open[-1] if self._open else self.documents
        if isinstance(holder, list):
            holder.append(value)
        elif self._key is None:
            raise _refused(event, "a key that is a list, a map or an alias is not read")
        else:
            holder[self._key] = value
            self._key = None
        self._anchor(event, value)

    def _anchor(self, event: Any, value: object) -> None:
        if event.anchor is None or isinstance(event, yaml.AliasEvent):
            return
        if event.anchor in self._anchored:  # parsers disagree about which one an alias in the second means
            raise _refused(event, "the same anchor stands here twice")
        self._anchored[event.anchor] = value


def _refused(event: yaml.Event, reason: str) -> BadYaml:
    return BadYaml(f"{_line(event.start_mark)}{reason}")


def _scalar(event: yaml.ScalarEvent) -> object:
    if not event.implicit[0] or (tag := tag_of(event.value)) == STR:
        return event.value
    if tag == MERGE:
        raise _refused(event, "`<<` is not read; put it in quotes")
    try:
        construct: Any = _CONSTRUCTOR.yaml_constructors[tag]
        return construct(_CONSTRUCTOR, yaml.ScalarNode(tag, event.value))
    except ValueError as error:
        raise _refused(event, _short_message(error)) from error


_CONSTRUCTOR = yaml.constructor.SafeConstructor()
