"""Regular expressions that Go's RE2 takes for certain, as Prometheus has to.

Python's own compiler is not enough: it takes look-ahead, back-references and possessive quantifiers, which
RE2 refuses (https://github.com/google/re2/wiki/Syntax). So what both read alike is let through, piece by
piece.
"""

import re

_LONGEST = 1_000
_DEEPEST = 50
_MOST_REPEATS = 1_000  # RE2's limit, nested ones multiplied
# Repetitions are written out when they are compiled, at 40 bytes a character, and all of it may be looked at
# for each character that is read: RE2 itself stops at 128 MB for one expression.
_LONGEST_WRITTEN_OUT = 10_000
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
_DOUBLED = ("--", "&&", "||", "~~")  # in a set Python means to give these a meaning one day


def refusal(pattern: str) -> str:
    """Say why a regular expression is not let through; empty if it is."""
    if len(pattern) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    at, repeats, groups, quantified = 0, 1, 0, True
    rest = pattern.removeprefix("(?i)")
    while at < len(rest):
        piece = _PIECE.match(rest, at)
        if piece is None or (piece["quantifier"] and quantified):
            return f"has {rest[at : at + 10]!r}, which not every reader of it takes"
        if piece["set"] and any(each in piece["set"] for each in _DOUBLED):
            return f"has the set {piece['set'][:20]!r}, which not every reader of it takes alike"
        quantified = bool(piece["quantifier"])
        groups += bool(piece["group"])
        repeats *= max(1, int(piece["least"] or 1), int(piece["most"] or 1))
        at = piece.end()
    if repeats > _MOST_REPEATS or groups > _DEEPEST:
        return "repeats or nests too much"
    if len(pattern) * repeats > _LONGEST_WRITTEN_OUT:
        return f"is longer than {_LONGEST_WRITTEN_OUT} characters, once its repetitions are written out"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"is no regular expression: {error}"
    return ""
