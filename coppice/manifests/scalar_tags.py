"""Resolves the tags of YAML's plain scalars as Kubernetes' own tools do: which of them are no strings."""

import re

import yaml

MERGE = "tag:yaml.org,2002:merge"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
STR = "tag:yaml.org,2002:str"
# Kubernetes knows neither dates nor numbers to the base 60 (`22:22`), and reads `=` as a string.
_REPLACED = {_INT, _FLOAT, "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}


def tag_of(text: str) -> str:
    """Resolve the tag of a plain scalar that has no explicit tag.

    Args:
        text: the scalar.

    Returns:
        The tag, such as `STR` or `MERGE`.
    """
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return str(tag)
    return STR


# First character → the tags that such a scalar may have, each with the pattern for it.
_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _characters, _resolver in (
    (
        "-+0123456789",
        (_INT, re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$")),
    ),
    (
        "-+0123456789.",
        (
            _FLOAT,
            re.compile(
                r"([-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?"
                r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
            ),
        ),
    ),
):
    for _character in _characters:
        _RESOLVERS.setdefault(_character, []).append(_resolver)
