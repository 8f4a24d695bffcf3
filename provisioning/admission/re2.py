"""Checks that Go's RE2, which Prometheus uses, accepts a regular expression.

Compiling it with Python is not enough: Python accepts look-ahead, back-references and possessive
quantifiers, which RE2 refuses (https://github.com/google/re2/wiki/Syntax). So only syntax that both read
alike is accepted.
"""

import re

_MAX_LENGTH = 1_000
_MAX_GROUPS = 50
_MAX_REPEATS = 1_000  # RE2's limit; the counts of nested repetitions are multiplied
# RE2 expands repetitions when it compiles them, at 40 bytes per character, and may visit all of that for each
# character that it reads. RE2's own limit is 128 MB for one expression.
_MAX_EXPANDED = 10_000
_PIECE = re.compile(
    r"""
    (?P<quantifier> (?: [*+?] | \{(?P<least>[0-9]{1,4})(?:,(?P<most>[0-9]{0,4}))?\} ) \?? )
    | (?P<group> \( (?: \?: | \?P<[A-Za-z][A-Za-z0-9]*> )? (?!\?) )
    | (?P<set> \[ \^? \]?+ (?: \\[dDwWsS] | \\[!-/:-@\[-`{-~] | [^\\\[\]] )* \] )
    | \\[dDwWsSbB] | \\[!-/:-@\[-`{-~]
    | [^\\\[({}*+?]
    """,
    re.VERBOSE,
)
_SET_OPERATORS = ("--", "&&", "||", "~~")  # Python reserves these in a set for a future meaning


def refusal(pattern: str) -> str:
    """Check a regular expression.

    Args:
        pattern: the expression.

    Returns:
        The reason why it is refused; empty if it is accepted.
    """
    if len(pattern) > _MAX_LENGTH:
        return f"is longer than {_MAX_LENGTH} characters"
    at, repeats, groups, quantified = 0, 1, 0, True
    rest = pattern.removeprefix("(?i)")
    while at < len(rest):
        piece = _PIECE.match(rest, at)
        if piece is None or (piece["quantifier"] and quantified):
            return f"has {rest[at : at + 10]!r}, which not every reader of it takes"
        if piece["set"] and any(each in piece["set"] for each in _SET_OPERATORS):
            return f"has the set {piece['set'][:20]!r}, which not every reader of it takes alike"
        quantified = bool(piece["quantifier"])
        groups += bool(piece["group"])
        repeats *= max(1, int(piece["least"] or 1), int(piece["most"] or 1))
        at = piece.end()
    if repeats > _MAX_REPEATS or groups > _MAX_GROUPS:
        return "repeats or nests too much"
    if len(pattern) * repeats > _MAX_EXPANDED:
        return f"is longer than {_MAX_EXPANDED} characters, once its repetitions are written out"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"is no regular expression: {error}"
    return ""
