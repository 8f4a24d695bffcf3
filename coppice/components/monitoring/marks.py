"""The marks by which our lines are found in a text that others write as well.

A mark is a comment that names the owner in JSON. It contains no `=` and does not end in `: |-`. Some of
Azure's parsers of the settings do not support comments; they skip every line that has neither
(see the configmap parsers in https://github.com/Azure/prometheus-collector).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from coppice.environment.key import Key

_MARK = re.compile(r"^[ \t]*# coppice: \w+ (\{.*\})[ \t]*\r?$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The branch that owns a part, and the namespace that the part is about."""

    key: Key
    namespace: str

    def __str__(self) -> str:
        return f"branch {self.key.branch!r} of {self.key.repository}"

    @property
    def order(self) -> tuple[str, str, str]:
        """Return the key by which owners are sorted."""
        return self.namespace, self.key.repository, self.key.branch


class Unsafe(Exception):
    """The text cannot be changed without risk to what others wrote; the message says what to fix."""


def mark(word: str, owner: Owner) -> str:
    """Return a mark.

    Args:
        word: the kind of the mark, such as `begin`.
        owner: the owner of the marked lines.

    Returns:
        One line of ASCII, without indentation and line break.
    """
    return f"# coppice: {word} {_named(owner)}"


def _named(owner: Owner) -> str:
    named = {
        "repository": owner.key.repository,
        "branch": owner.key.branch,
        "namespace": owner.namespace,
    }
    return json.dumps(named).replace("=", "\\u003d")


def read(text: str) -> Owner | None:
    """Return the owner that a mark's JSON names; `None` if it names none."""
    try:
        named = json.loads(text)
        key = Key(repository=named["repository"], branch=named["branch"])
        return Owner(key=key, namespace=str(named["namespace"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def marked(text: str) -> tuple[Owner, ...]:
    """Return every owner that a mark of a text names, without duplicates."""
    found = (read(named) for named in _MARK.findall(text))
    return tuple(dict.fromkeys(owner for owner in found if owner is not None))


def renamed(text: str, known: Callable[[Key], Key]) -> str:
    """Rewrite the marks of a text whose repository has another name by now.

    Args:
        text: any text.
        known: returns the present key of a branch.

    Returns:
        The text; nothing but these marks has changed.
    """

    def anew(found: re.Match[str]) -> str:
        owner = read(found[1])
        if owner is None or known(owner.key) == owner.key:
            return found[0]
        return found[0].replace(found[1], _named(Owner(key=known(owner.key), namespace=owner.namespace)))

    return _MARK.sub(anew, text)


def line_break(text: str) -> str:
    """Return the line break that a text uses."""
    return "\r\n" if "\r\n" in text else "\n"
