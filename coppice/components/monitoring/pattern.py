"""The pattern of namespaces whose annotated pods are scraped, in settings that belong to others.

It is a regular expression that has to match the whole namespace: it becomes the `keep` rule of a scrape job
(https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-configuration). Ours go
in front of it, as `ours|theirs`: alternatives bind weakest, so neither side changes the other. A namespace is
made of letters, digits and dashes and needs no escaping; Azure's parsers differ over what a backslash means.
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
# Where the pattern stands, in the older and the newer schema:
# https://github.com/Azure/prometheus-collector/tree/main/otelcollector/configmaps
KEYS = ("pod-annotation-based-scraping", "cluster-metrics")
_BY_VERSION = {"": KEYS[0], "v1": KEYS[0], "v2": KEYS[1]}


def key_of(data: Mapping[str, str]) -> str:
    """Which entry of the settings has the pattern.

    Raises:
        Unsafe: it is of a version that is not known here.
    """
    version = data.get("schema-version", "").strip()
    if version not in _BY_VERSION:
        raise Unsafe(f"its schema-version {version!r} is not known here: v1 and v2 are")
    return _BY_VERSION[version]


def patterns(text: str) -> tuple[str, ...]:
    """Every pattern that a text gives."""
    return tuple(found["value"] for found in _LINE.finditer(text))


def lacks_line(text: str) -> bool:
    """Whether a text gives no pattern, so that one may simply be added."""
    return not _MENTION.search(text)


def split(text: str) -> tuple[str, tuple[Owner, ...]]:
    """Take our namespaces out of the settings.

    Args:
        text: the entry that has the pattern.

    Returns:
        What others wrote, byte for byte, and the owners of ours.

    Raises:
        Unsafe: there is not exactly one pattern.
    """
    line = _line(text)
    owners = _owners(text[: line.start()])
    theirs = line["value"]
    for name in _alternatives(owners):
        # Somebody may have taken one of ours out: what does not lead the pattern is not ours any more.
        if theirs == name or theirs.startswith(f"{name}|"):
            theirs = theirs.removeprefix(name).removeprefix("|")
    kept = _MARK.sub("", text[: line.start()])
    return kept + _with_value(line, theirs) + text[line.end() :], owners


def join(foreign: str, owners: Iterable[Owner]) -> str:
    """Put our namespaces into the settings.

    Args:
        foreign: what others wrote, without any of ours.
        owners: of ours.

    Returns:
        The text, the same whatever order the owners came in.

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
