"""The lines by which ours are found in a text that others write too.

A mark is a comment, which names the owner in JSON. It has no `=` and does not end in `: |-`: of Azure's
parsers of the settings some know no comments, and those pass over every line that has neither
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
    """Whose part it is, and which namespace it is about."""

    key: Key
    namespace: str

    def __str__(self) -> str:
        return f"branch {self.key.branch!r} of {self.key.repository}"

    @property
    def order(self) -> tuple[str, str, str]:
        """Where it stands among others."""
        return self.namespace, self.key.repository, self.key.branch


class Unsafe(Exception):
    """A text that cannot be changed without risk to what others wrote in it; the message says what to
    mend.
    """


def mark(word: str, owner: Owner) -> str:
    """Write a mark.

    Args:
        word: what it says of the lines beside it.
        owner: whose they are.

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
    """The owner that a mark's JSON names; `None` if it names none."""
    try:
        named = json.loads(text)
        key = Key(repository=named["repository"], branch=named["branch"])
        return Owner(key=key, namespace=str(named["namespace"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def marked(text: str) -> tuple[Owner, ...]:
    """Every owner that any mark of a text names, once."""
    found = (read(named) for named in _MARK.findall(text))
    return tuple(dict.fromkeys(owner for owner in found if owner is not None))


def renamed(text: str, known: Callable[[Key], Key]) -> str:
    """Write the marks of a text anew whose branches are known under another name by now.

    Args:
        text: any text.
        known: the key that a key is known as.

    Returns:
        The text, in which nothing else has changed.
    """

    def anew(found: re.Match[str]) -> str:
        owner = read(found[1])
        if owner is None or known(owner.key) == owner.key:
            return found[0]
        return found[0].replace(found[1], _named(Owner(key=known(owner.key), namespace=owner.namespace)))

    return _MARK.sub(anew, text)


def line_break(text: str) -> str:
    """The line break that a text uses."""
    return "\r\n" if "\r\n" in text else "\n"
