"""Reads YAML that nobody vouches for.

A few lines of anchors can unfold into gigabytes, and two parsers may read one file differently. So what a
stream unfolds to is counted as it is built, and what is rarely meant is not read at all.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from coppice.manifests.plain_words import MERGE, STR, tag_of

DEPTH = 100
NODES = 200_000
DOCUMENTS = 5_000
CHARACTERS = 16 * 1024 * 1024


class BadYaml(Exception):
    """A stream that is not read; the message says why, and in which line where that is known."""


def count(data: bytes | str, *, nodes: int = NODES) -> int:
    """Count the nodes that a YAML stream unfolds to, without unfolding it.

    Args:
        data: any number of documents.
        nodes: the most that are accepted.

    Returns:
        The number of nodes, each alias counted as what it stands for.

    Raises:
        BadYaml: the stream is no YAML, has tags (`!!binary`), nests deeper than `DEPTH`, or unfolds to more
            than that, or than `CHARACTERS`.
    """
    weight = _Weight(nodes)
    for event in _events(data):
        weight.add(event)
    return weight.total


def load_all(data: bytes | str, *, nodes: int = NODES) -> list[object]:
    """Build what a YAML stream says, as Kubernetes' own tools understand it.

    Keys are the text that is written, so that `on:` stays `on`. Duplicate keys, merge keys (`<<`) and keys
    that are no scalars are refused: parsers differ over them.

    Args:
        data: any number of documents.
        nodes: the most nodes that it may unfold to.

    Returns:
        The documents, an empty one as None.

    Raises:
        BadYaml: see above, and as `count`.
    """
    weight, built = _Weight(nodes), _Built()
    for event in _events(data):
        weight.add(event)
        built.add(event)
    return built.documents


def load(data: bytes | str, *, nodes: int = NODES) -> object:
    """Build the one document that a stream holds: as `load_all`, and `BadYaml` where there are more."""
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
    return BadYaml(_words(error))


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


class _Weight:
    """How much a stream unfolds to, event by event: in nodes, and in characters of its scalars."""

    def __init__(self, most: int) -> None:
        self.total = self._characters = self._documents = 0
        self._most = most
        # By anchor; what has none is noted under None, where nobody looks.
        self._weights: dict[str | None, tuple[int, int]] = {}
        self._unfinished: list[tuple[str | None, int, int]] = []  # collections: anchor, and both before

    def add(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._weights[event.anchor] = (1, len(event.value))
            self.total += 1
            self._characters += len(event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._unfinished.append((event.anchor, self.total, self._characters))
            self.total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, nodes, characters = self._unfinished.pop()
            self._weights[anchor] = (self.total - nodes, self._characters - characters)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._weights:
                raise _refused(event, "this alias has no anchor before it, or is part of what it stands for")
            nodes, characters = self._weights[event.anchor]
            self.total += nodes
            self._characters += characters
        elif isinstance(event, yaml.DocumentStartEvent):
            self._weights.clear()
            self._documents += 1
        self._hold(event)

    def _hold(self, event: yaml.Event) -> None:
        if self._documents > DOCUMENTS:
            raise _refused(event, f"holds more than {DOCUMENTS} documents")
        if len(self._unfinished) > DEPTH:
            raise _refused(event, f"nests deeper than {DEPTH} levels")
        if self.total > self._most:
            raise _refused(event, f"unfolds to more than {self._most} nodes")
        if self._characters > CHARACTERS:
            raise _refused(event, f"unfolds to more than {CHARACTERS} characters")


class _Built:
    """What a stream says, event by event: without the graph of nodes that PyYAML makes first, which takes ten
    times the memory.
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
        self._note(event, _scalar(event))

    def _put(self, event: Any, value: object) -> None:
        holder = self._open[-1] if self._open else self.documents
        if isinstance(holder, list):
            holder.append(value)
        elif self._key is None:
            raise _refused(event, "a key that is a list, a map or an alias is not read")
        else:
            holder[self._key] = value
            self._key = None
        self._note(event, value)

    def _note(self, event: Any, value: object) -> None:
        if event.anchor is None or isinstance(event, yaml.AliasEvent):
            return
        if event.anchor in self._anchored:  # within the second one, parsers differ over which is meant
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
        raise _refused(event, _words(error)) from error


_CONSTRUCTOR = yaml.constructor.SafeConstructor()
