"""Parses Kubernetes' quantities, such as `250m` and `1Gi`.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/. The package `kubernetes` has
a parser as well, but importing its typed models takes half a second, and it does not limit exponents.
"""

import re
from fractions import Fraction

_QUANTITY = re.compile(
    r"(?P<number>[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18}))"
    r"([eE](?P<power>[+-]?[0-9]{1,2})|(?P<suffix>[numkMGTPE]|[KMGTPE]i)?)",
    re.ASCII,
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def quantity(value: object) -> Fraction | None:
    """Parse a quantity.

    Args:
        value: the value of an object's field: a string or a number.

    Returns:
        The amount; `None` if the value is no quantity.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    suffix = match["suffix"] or ""
    number = Fraction(match["number"])
    if suffix in _BINARY:
        return number * (1 << _BINARY[suffix])
    power = int(match["power"] or _DECIMAL[suffix])
    scale = Fraction(10) ** abs(power)
    return number * scale if power >= 0 else number / scale
