"""Relabelling rules of a scrape job: they are read whole, and leave a target where it is.

What is here is what Prometheus itself asks of a rule
(https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config), since one that it
does not take silences every job there is; and that a rule sets no label which decides what is scraped. Those
two that have to be set at times have a file of their own.
"""

import re
from collections.abc import Mapping, Sequence

from coppice.manifests.fields import Fields, Malformed, mappings, quote, string, strings
from provisioning.admission import re2
from provisioning.admission.destinations import DESTINATIONS, destination

Rule = Mapping[str, object]

_MOST = 50
_FIELDS = frozenset(
    {"action", "modulus", "regex", "replacement", "separator", "source_labels", "target_label"}
)
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LONGEST = 200

# What these capture begins with a letter or digit, so that it is no label of Prometheus' own.
_LABELMAP = re.compile(
    r"__meta_kubernetes_(pod|service|namespace|endpoints|endpointslice)_(label|annotation)_\(\.[+*]\)"
)


def rules(job: Fields, field: str, namespace: str) -> Sequence[Rule]:
    """Read the rules in a field of a job.

    Args:
        job: the job.
        field: `relabel_configs`, which is about targets, or `metric_relabel_configs`, which is about samples.
        namespace: the environment's own.

    Returns:
        The rules, and as the last one that the label `namespace` says the environment's.

    Raises:
        Malformed: one of them is not let through, and why.
    """
    given = mappings(job, field)
    if len(given) > _MOST:
        raise Malformed(f"{field} has {len(given)} rules; at most {_MOST} are let through")
    last = {"action": "replace", "target_label": "namespace", "replacement": namespace}
    return [*(_rule(each, targets=field == "relabel_configs") for each in given), last]


def _rule(rule: Fields, *, targets: bool) -> Rule:
    if unknown := sorted(set(rule) - _FIELDS):
        raise Malformed(f"a relabelling rule has {quote(unknown[0])}, which is not let through")
    action = string(rule, "action") or "replace"
    read = {"action": action, **_source(rule), **_pattern(rule), **_result(rule)}
    match action:
        case "keep" | "drop":
            return read
        case "replace":
            if targets and read.get("target_label") in DESTINATIONS:
                return destination(read)
            return _aimed(read, targets=targets)
        case "hashmod":
            return {**_aimed(read, targets=targets), "modulus": _modulus(rule)}
        case "labeldrop" | "labelkeep":
            if set(rule) != {"action", "regex"}:
                raise Malformed(f"{action} takes a regex and nothing else")
            return read
        case "labelmap":
            if not targets or set(rule) != {"action", "regex"} or not _LABELMAP.fullmatch(str(read["regex"])):
                raise Malformed(
                    "labelmap takes `__meta_kubernetes_pod_label_(.+)` and its like, and nothing else"
                )
            return read
    raise Malformed(f"the action {quote(action)} is not let through")


def _modulus(rule: Fields) -> int:
    modulus = rule.get("modulus")
    if not isinstance(modulus, int) or isinstance(modulus, bool) or not 0 < modulus < 2**31:
        raise Malformed("modulus must be a whole number above 0")
    return modulus


def text(holder: Fields, field: str) -> str:
    """A line of text without `$`, which the collector would replace from its own environment."""
    value = string(holder, field)
    if "$" in value:
        raise Malformed(f"{field} has a `$`, which the collector would replace from its own environment")
    return line(value, field)


def line(value: str, called: str) -> str:
    """A short line of printable text."""
    if not value.isprintable() or len(value) > _LONGEST:
        raise Malformed(f"{called} must be a line of at most {_LONGEST} printable characters")
    return value


def label(name: str, called: str) -> str:
    """A label's name."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise Malformed(f"{called} must be a label's name, not {quote(name)}")
    return name


def _source(rule: Fields) -> Rule:
    read: dict[str, object] = {}
    if "source_labels" in rule:
        read["source_labels"] = [label(name, "source_labels[]") for name in strings(rule, "source_labels")]
    if "separator" in rule:
        read["separator"] = text(rule, "separator")
    return read


def _pattern(rule: Fields) -> Rule:
    if "regex" not in rule:
        return {}
    value = rule["regex"]
    if isinstance(value, bool):
        pattern = str(value).lower()
    else:
        pattern = str(value) if isinstance(value, int) else string(rule, "regex")
    if not pattern.isprintable():
        raise Malformed("regex must be a line of printable text")
    if why := re2.refusal(pattern):
        raise Malformed(f"the regex {quote(pattern)} {why}")
    return {"regex": pattern}


def _result(rule: Fields) -> Rule:
    read: dict[str, object] = {}
    if "target_label" in rule:
        read["target_label"] = label(text(rule, "target_label"), "target_label")
    if "replacement" in rule:
        # A dollar is its own here: the collector doubles those of `regex` and `replacement`.
        read["replacement"] = line(string(rule, "replacement"), "replacement")
    return read


def _aimed(rule: Rule, *, targets: bool) -> Rule:
    """A rule that sets a label other than the address."""
    name = str(rule.get("target_label", ""))
    free = {"__metrics_path__"} if targets else {"__name__"}
    if not name:
        raise Malformed(f"{rule['action']} needs a target_label")
    if name.startswith("__") and name not in free and not name.startswith("__tmp_"):
        raise Malformed(f"the label {quote(name)} is not a branch's to set")
    return rule
