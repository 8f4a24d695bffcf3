"""YAML scalars: how YAML 1.2 resolves them, and how they are written."""

import json
import re
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

# The core schema: https://yaml.org/spec/1.2.2/#1032-tag-resolution
_NULL = re.compile(r"(?:null|Null|NULL|~|)")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)")
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)

# Plain text in YAML 1.1 and 1.2 alike: none of the words of https://yaml.org/type/bool.html.
_WORD = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z][a-z0-9_./-]*", re.IGNORECASE)


def resolve(plain: str) -> Scalar:
    """Resolve a plain scalar, which is one without quotes."""
    if _NULL.fullmatch(plain):
        return None
    if _BOOL.fullmatch(plain):
        return plain.lower() == "true"
    if _INT.fullmatch(plain):
        return int(plain)
    if _BASED.fullmatch(plain):
        return int(plain, 0)
    return float(plain.replace(".inf", "inf").replace(".nan", "nan")) if _FLOAT.fullmatch(plain) else plain


def format_scalar(value: Scalar, style: str | None) -> str:
    """Write a value so that YAML 1.1 and 1.2 read it alike. The quoting style is kept where possible."""
    if not isinstance(value, str):
        return json.dumps(value)
    if style is None and _WORD.fullmatch(value):
        return value
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in quoted)
