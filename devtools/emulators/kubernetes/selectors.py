"""Label selectors as the API's query parameters carry them: `a=b,c!=d,e in (f,g),h notin (i),j,!k`; and as
objects do.

Their grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from devtools.emulators.kubernetes.status import bad_request

Matcher = Callable[[Mapping[str, str]], bool]

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_LABEL = rf"{_NAME}(?:/{_NAME})?"
_REQUIREMENT = re.compile(
    rf"\s*(?:"
    rf"!\s*(?P<absent>{_LABEL})"
    rf"|(?P<listed>{_LABEL})\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)"
    rf"|(?P<equal>{_LABEL})\s*(?P<operator>==|=|!=)\s*(?P<value>(?:{_NAME})?)"
    rf"|(?P<present>{_LABEL})"
    rf")\s*(?:,(?=.)|$)"
)


def parse(selector: str) -> Matcher:
    """Parse a label selector of a query parameter.

    Args:
        selector: the query parameter; an empty one selects everything.

    Returns:
        A function that takes labels, and returns whether they meet all requirements.

    Raises:
        ApiError: 400, the selector is not valid.
    """
    requirements: list[Matcher] = []
    position = 0
    while position < len(selector):
        found = _REQUIREMENT.match(selector, position)
        if found is None:
            raise bad_request(f"unable to parse requirement: found {selector[position:]!r}")
        requirements.append(_requirement(found))
        position = found.end()
    return lambda labels: all(holds(labels) for holds in requirements)


def of_object(selector: Mapping[str, Any]) -> Matcher:
    """Return a matcher for an object's `selector`; an empty one selects everything."""
    equal: Mapping[str, str] = selector.get("matchLabels", {})
    holds = of_expressions(selector.get("matchExpressions", ()))
    return lambda labels: equal.items() <= labels.items() and holds(labels)


def of_expressions(expressions: Iterable[Mapping[str, Any]]) -> Matcher:
    """Return a matcher for `matchExpressions`; an unknown operator selects nothing."""
    requirements = [_expression(each) for each in expressions]
    return lambda labels: all(holds(labels) for holds in requirements)


def _expression(expression: Mapping[str, Any]) -> Matcher:
    key, values = expression["key"], frozenset(expression.get("values", ()))
    match expression["operator"]:
        case "In":
            return _within(key, values)
        case "NotIn":
            return _without(key, values)
        case "Exists":
            return _present(key)
        case "DoesNotExist":
            return _absent(key)
        case _:
            return lambda _: False


def _requirement(found: re.Match[str]) -> Matcher:
    if found["absent"]:
        return _absent(found["absent"])
    if found["set"]:
        values = frozenset(value.strip() for value in found["values"].split(","))
        return _within(found["listed"], values) if found["set"] == "in" else _without(found["listed"], values)
    if found["operator"]:
        value = frozenset({found["value"]})
        negated = found["operator"] == "!="
        return _without(found["equal"], value) if negated else _within(found["equal"], value)
    return _present(found["present"])


def _absent(key: str) -> Matcher:
    return lambda labels: key not in labels


def _present(key: str) -> Matcher:
    return lambda labels: key in labels


def _within(key: str, values: frozenset[str]) -> Matcher:
    return lambda labels: labels.get(key) in values


def _without(key: str, values: frozenset[str]) -> Matcher:
    return lambda labels: labels.get(key) not in values  # this also selects objects without the label
