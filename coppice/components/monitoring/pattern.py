"""Edits the pattern of the namespaces whose annotated pods are scraped, in settings that belong to others.

The pattern is a regular expression that has to match the whole namespace. It becomes the `keep` rule of a
scrape job (https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-configuration).
Our namespaces are put before the others' pattern, as `ours|theirs`. Alternation has the lowest precedence, so
neither side changes the other. A namespace consists of letters, digits and dashes and needs no escaping. This
matters because Azure's parsers interpret a backslash differently.
"""

import re
from collections.abc import Iterable, Mapping

from coppice.components.monitoring.marks import Owner, Unsafe, line_break, mark, read

_WORD = "namespace"
_MARK = re.compile(rf"^[ \t]*# coppice: {_WORD} (?P<owner>\{{.*\}})[ \t]*(?:\r?\n)", re.MULTILINE)
_LINE = re.compile(
    r"^(?P<indent>[ \t]*)podannotationnamespaceregex[ \t]*=[ \t]*(?P<quote>[\"'])"
    r"(?P<value>[^\"'\r\n]*)(?P=quote)[ \t]*\r?$",
    re.MULTILINE,
)
_MENTION = re.compile(r"^[ \t]*podannotationnamespaceregex\b", re.MULTILINE)
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")  # a DNS label
# The entries that hold the pattern, in the older and in the newer schema:
# https://github.com/Azure/prometheus-collector/tree/main/otelcollector/configmaps
KEYS = ("pod-annotation-based-scraping", "cluster-metrics")
_BY_VERSION = {"": KEYS[0], "v1": KEYS[0], "v2": KEYS[1]}


def key_of(data: Mapping[str, str]) -> str:
    """Return the key of the entry that holds the pattern.

    Args:
        data: the entries of the settings.

    Raises:
        Unsafe: the schema version of the settings is not known.
    """
    version = data.get("schema-version", "").strip()
    if version not in _BY_VERSION:
        raise Unsafe(f"its schema-version {version!r} is not known here: v1 and v2 are")
    return _BY_VERSION[version]


def patterns(text: str) -> tuple[str, ...]:
    """Return every pattern that a text sets."""
    return tuple(found["value"] for found in _LINE.finditer(text))


def lacks_line(text: str) -> bool:
    """Return whether a text sets no pattern, so that one can be added."""
    return not _MENTION.search(text)


def split(text: str) -> tuple[str, tuple[Owner, ...]]:
    """Separate our namespaces from the settings.

    Args:
        text: the entry that holds the pattern.

    Returns:
        The others' text, byte for byte, and the owners of our namespaces.

    Raises:
        Unsafe: there is not exactly one pattern, or a mark is invalid.
    """
    line = _line(text)
    owners = _owners(text[: line.start()])
    theirs = line["value"]
    for name in _alternatives(owners):
        # Somebody may have removed one of ours. A name that is not at the start of the pattern is not ours.
        if theirs == name or theirs.startswith(f"{name}|"):
            theirs = theirs.removeprefix(name).removeprefix("|")
    kept = _MARK.sub("", text[: line.start()])
    return kept + _with_value(line, theirs) + text[line.end() :], owners


def join(foreign: str, owners: Iterable[Owner]) -> str:
    """Insert our namespaces into the settings.

    Args:
        foreign: the others' text, without our namespaces.
        owners: the owners of our namespaces.

    Returns:
        The text. It does not depend on the order of the owners.

    Raises:
        Unsafe: there is not exactly one pattern, or it cannot be told from ours.
    """
    ordered = tuple(sorted(owners, key=lambda owner: owner.order))
    line, eol = _line(foreign), line_break(foreign)
    marks = "".join(f"{line['indent']}{mark(_WORD, owner)}{eol}" for owner in ordered)
    value = "|".join([*_alternatives(ordered), *filter(None, [line["value"]])])
    text = foreign[: line.start()] + marks + _with_value(line, value) + foreign[line.end() :]
    if split(text) != (foreign, ordered):
        raise Unsafe("its podannotationnamespaceregex cannot be told from ours: take our names out of it")
    return text


def _line(text: str) -> re.Match[str]:
    found = list(_LINE.finditer(text))
    mentioned = len(_MENTION.findall(text))
    if len(found) != 1 or mentioned != 1:
        raise Unsafe(
            f"podannotationnamespaceregex begins {mentioned} of its lines, and {len(found)} of them are "
            'written as `podannotationnamespaceregex = "…"`; it needs exactly one, written so, and for no '
            'namespace of your own `podannotationnamespaceregex = ""`'
        )
    return found[0]


def _owners(text: str) -> tuple[Owner, ...]:
    found = [read(each["owner"]) for each in _MARK.finditer(text)]
    if None in found:
        raise Unsafe("one of its `# coppice:` marks names no branch: take it out by hand")
    return tuple(owner for owner in found if owner is not None)


def _alternatives(owners: Iterable[Owner]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(owner.namespace for owner in owners))
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise Unsafe(f"a `# coppice:` mark names {name!r}, which is no namespace: take it out by hand")
    return names


def _with_value(line: re.Match[str], value: str) -> str:
    start = line.start()
    return line[0][: line.start("value") - start] + value + line[0][line.end("value") - start :]
