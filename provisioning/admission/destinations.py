"""Restricts relabelling rules that decide where the collector connects: to another port, or to https.

Such a rule may capture the value of a pod's annotation, which a branch controls: another host, or a scheme
such as `http://elsewhere/?`. So the usual ways to write the rule are recognized, and their regular expression
is replaced by a strict one.
"""

import re
from collections.abc import Mapping

from coppice.manifests.fields import Malformed

Rule = Mapping[str, object]

DESTINATIONS = frozenset({"__address__", "__scheme__"})

_ALL = frozenset({"", "(.*)", "(.+)"})
_HOSTS = ("__address__", "__meta_kubernetes_pod_ip")
_HOST_PATTERN = r"([^:;]+)(?::\d+)?"
_HOST_PATTERNS = _ALL | {_HOST_PATTERN, r"([^:]+)(?::\d+)?", r"(.+?)(?::\d+)?", r"(.+?)(\:\d+)?"}
_PORT_PATTERN = r"([^:;]+)(?::\d+)?;(\d+)"
_PORT_PATTERNS = frozenset(
    {_PORT_PATTERN, r"([^:]+)(?::\d+)?;(\d+)", r"(.+?)(?::\d+)?;(\d+)", r"(.+);(.+)", r"(.*);(.*)"}
)
_SCHEME_PATTERN = "(https?)"
_SCHEME_PATTERNS = _ALL | {_SCHEME_PATTERN, "(http|https)"}
_FIRST, _SECOND = (rf"\${{1,2}}(?:{group}|\{{{group}\}})" for group in (1, 2))
_HOST_AND_PORT = re.compile(f"{_FIRST}:{_SECOND}")
_HOST_AND_NUMBER = re.compile(f"{_FIRST}:[0-9]{{1,5}}")


def destination(rule: Rule) -> Rule:
    """Check a rule that sets one of `DESTINATIONS`.

    Args:
        rule: a rule with action `replace` that Prometheus accepts.

    Returns:
        The rule with a strict regular expression.

    Raises:
        Malformed: the rule is none of those that are known to be harmless.
    """
    pattern = _address_pattern(rule) if rule["target_label"] == "__address__" else _scheme_pattern(rule)
    return {**rule, "regex": pattern}


def _address_pattern(rule: Rule) -> str:
    sources, given = rule.get("source_labels"), rule.get("regex", "")
    replacement = str(rule.get("replacement", ""))
    if isinstance(sources, list) and "separator" not in rule and sources[:1] and sources[0] in _HOSTS:
        if len(sources) == 1 and given in _HOST_PATTERNS and _HOST_AND_NUMBER.fullmatch(replacement):
            return _HOST_PATTERN
        ported = len(sources) == 2 and sources[1].startswith("__meta_kubernetes_")
        if ported and given in _PORT_PATTERNS and _HOST_AND_PORT.fullmatch(replacement):
            return _PORT_PATTERN
    raise Malformed(
        r"a rule may give __address__ another port and nothing else: source_labels [__address__, <label>], "
        r"regex `([^:]+)(?::\d+)?;(\d+)`, replacement `$1:$2`; or [__address__] and `$1:<port>`"
    )


def _scheme_pattern(rule: Rule) -> str:
    given, replacement = rule.get("regex", ""), str(rule.get("replacement", "$1"))
    if replacement in {"http", "https"}:
        return str(given or "(.*)")
    if given in _SCHEME_PATTERNS and re.fullmatch(_FIRST, replacement):
        return _SCHEME_PATTERN
    raise Malformed(
        "a rule may set __scheme__ to http or https: regex `(https?)`, replacement `$1` or one of them"
    )
