"""Reads YAML that nobody vouches for.

A few lines of anchors can unfold into gigabytes, and two parsers may read one file differently. So what a
stream unfolds to is counted before anything is built from it, and what is rarely meant is not read at all.
"""

import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml

DEPTH = 100
NODES = 200_000

_MERGE = "tag:yaml.org,2002:merge"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
# Kubernetes knows neither dates nor numbers to the base 60 (`22:22`), and `=` is a word.
_REPLACED = {_INT, _FLOAT, "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}


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
        BadYaml: the stream is no YAML, has tags (`!!binary`), nests deeper than `DEPTH`, or unfolds to more.
    """
    total = 0
    weights: dict[str | None, int] = {}  # by anchor; what has none is noted under None, where nobody looks
    unfinished: list[tuple[str | None, int]] = []  # collections: anchor, and the total before
    for event in _events(data):
        if isinstance(event, yaml.CollectionStartEvent):
            unfinished.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = unfinished.pop()
            weights[anchor] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            weights[event.anchor] = 1
            total += 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in weights:
                raise BadYaml(
                    f"{_line(event.start_mark)}an alias stands for nothing, or for what it is part of"
                )
            total += weights[event.anchor]
        if len(unfinished) > DEPTH:
            raise BadYaml(f"{_line(event.start_mark)}nests deeper than {DEPTH} levels")
        if total > nodes:
            raise BadYaml(f"{_line(event.start_mark)}unfolds to more than {nodes} nodes")
    return total


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
    count(data, nodes=nodes)
    try:
        return list(yaml.load_all(data, Loader=_Loader))
    except (yaml.YAMLError, ValueError) as error:
        raise _bad(error) from error


def load(data: bytes | str, *, nodes: int = NODES) -> object:
    """Build the one document that a stream holds: as `load_all`, and `BadYaml` where there are more."""
    documents = load_all(data, nodes=nodes)
    if len(documents) > 1:
        raise BadYaml(f"holds {len(documents)} documents instead of one")
    return documents[0] if documents else None


def _events(data: bytes | str) -> Iterator[yaml.Event]:
    try:
        for event in yaml.parse(data, Loader=yaml.CSafeLoader):
            if getattr(event, "tag", None) is not None:
                raise BadYaml(f"{_line(event.start_mark)}tags such as !!binary are not read")
            yield event
    except (yaml.YAMLError, ValueError) as error:
        raise _bad(error) from error


def _line(mark: object) -> str:
    line = getattr(mark, "line", None)
    return "" if line is None else f"line {line + 1}: "


def _bad(error: Exception) -> BadYaml:
    if isinstance(error, yaml.MarkedYAMLError):
        return BadYaml(f"{_line(error.problem_mark)}{error.problem}")
    return BadYaml(" ".join(str(error).split())[:120])


class _Loader(yaml.CSafeLoader):
    """Plain JSON types, in Kubernetes' words. On libyaml, since kustomize reads with a port of it."""

    # Which plain words are no strings, by their first character.
    yaml_implicit_resolvers = {  # noqa: RUF012 - a class attribute is PyYAML's way
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - PyYAML's signature
    ) -> dict[Hashable, Any]:
        mapping: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                raise _unread("keys like this are not read", key)
            if key.value in mapping:
                raise _unread("the same key stands here twice", key)
            mapping[key.value] = self.construct_object(value, deep=deep)
        return mapping


def _unread(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


_Loader.add_implicit_resolver(
    _INT, re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(
        r"([-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)
