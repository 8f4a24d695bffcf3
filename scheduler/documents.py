"""Read and set one value in a YAML document, and leave every other byte of it as it was.

The value's place is found by a YAML 1.2 parser and only that place is written: a dump of the whole document
would wrap long lines and shift indentation, and a commit should show the one line that it is about.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Scalar: TypeAlias = str | int | float | bool | None

_STEP = re.compile(
    r"""(?:^|(?<=.)\.)(?P<key>[^.\[\]'"\s]+)
    | \[(?P<index>\d+)\]
    | \[(?P<quote>['"])(?P<quoted>[^'"]+)(?P=quote)\]""",
    re.VERBOSE,
)

# The core schema: https://yaml.org/spec/1.2.2/#1032-tag-resolution
_NULL = re.compile(r"(?:null|Null|NULL|~|)")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)")
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)

# What every reader takes for text, whichever version it reads: a word that is none of YAML 1.1's, https://yaml.org/type/bool.html
_WORD = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z][a-z0-9_./-]*", re.IGNORECASE)


class DocumentError(ValueError):
    """A document has not what a path asks for, or cannot be read; the message says which."""


@dataclass(frozen=True)
class Path:
    """A place in a document, such as `spec.values.replicaCount` or `containers[0].name`."""

    steps: tuple[str | int, ...]

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
    return _resolve(node.value)


def put(text: str, path: Path, value: Scalar) -> str:
    """Set a value that is there.

    Args:
        text: YAML, of one or several documents.
        path: where the value is.
        value: what it is to be.

    Returns:
        The text, in which nothing else has changed. What a YAML 1.1 reader would not take for text is quoted.

    Raises:
        DocumentError: as for `get`; or the value takes several lines, is empty, or other places share it.
    """
    node = _find(text, path)
    start, end = node.start_mark.index, node.end_mark.index
    stands = text[start:end]
    if node.style in {"|", ">"} or not stands or stands.startswith(("&", "!")):
        wrong = stands.split("\n")[0] or "nothing"
        raise DocumentError(f"{path} is written as {wrong}: expected a plain or quoted value on one line")
    written = _written(value, node.style)
    return text[:start] + written + text[end:]


@lru_cache(maxsize=64)  # one look reads the same text at the branch and at every commit in force
def _documents(text: str) -> tuple[Node, ...]:
    try:
        return tuple(node for node in YAML(typ="safe", pure=True).compose_all(text) if node is not None)
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
            found.append(_descend(document, path))
        except DocumentError as error:
            problem = error
    if not found:
        raise problem
    if len(found) > 1:
        raise DocumentError(f"{path} stands in {len(found)} of its documents: expected it in one")
    return found[0]


def _descend(node: Node, path: Path) -> ScalarNode:
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
            if not isinstance(node, MappingNode):
                raise DocumentError(
                    f"{path} is not there: {parent} is {_kind(node)}, and {step!r} needs a mapping"
                )
            matching = [
                (key, value) for key, value in node.value if isinstance(key, ScalarNode) and key.value == step
            ]
            if len(matching) != 1:
                raise DocumentError(
                    f"{path} is not there: {parent} has {len(matching) or 'no'} keys {step!r}"
                )
            before, following = matching[0][0].end_mark.index, matching[0][1]
        if following.start_mark.index < before:
            raise DocumentError(f"{path} is not there itself: {parent} refers to it by an alias")
        node = following
    if not isinstance(node, ScalarNode):
        raise DocumentError(f"{path} is {_kind(node)}: expected a single value")
    return node


def _kind(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return f"the value {node.value!r}"
    return "a mapping" if isinstance(node, MappingNode) else "a list"


def _resolve(plain: str) -> Scalar:
    if _NULL.fullmatch(plain):
        return None
    if _BOOL.fullmatch(plain):
        return plain.lower() == "true"
    if _INT.fullmatch(plain):
        return int(plain)
    if _BASED.fullmatch(plain):
        return int(plain, 0)
    return float(plain.replace(".inf", "inf").replace(".nan", "nan")) if _FLOAT.fullmatch(plain) else plain


def _written(value: Scalar, style: str | None) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if style is None and _WORD.fullmatch(value):
        return value
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in quoted)
