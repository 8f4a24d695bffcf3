"""Checks the relabelling rules of a scrape job.

A rule must be one that Prometheus accepts, because a single invalid rule stops every job
(https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config). It must also not
set a label that decides what is scraped. `destinations` has the two such labels that a rule may set.
"""

import re
from collections.abc import Mapping, Sequence

from coppice.manifests.fields import Fields, Malformed, mappings, quote, string, strings
from provisioning.admission import re2
from provisioning.admission.destinations import DESTINATIONS, destination

Rule = Mapping[str, object]

_MAX_RULES = 50
_FIELDS = frozenset(
    {"action", "modulus", "regex", "replacement", "separator", "source_labels", "target_label"}
)
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MAX_LENGTH = 200

# What these capture begins with a letter or digit, so it cannot become one of Prometheus' own labels.
_LABELMAP = re.compile(
    r"__meta_kubernetes_(pod|service|namespace|endpoints|endpointslice)_(label|annotation)_\(\.[+*]\)"
)


def rules(job: Fields, field: str, namespace: str) -> Sequence[Rule]:
    """Check the rules in a field of a job.

    Args:
        job: the job.
        field: `relabel_configs`, for targets, or `metric_relabel_configs`, for samples.
        namespace: the environment's namespace.

    Returns:
        The rules, and after them one that sets the label `namespace` to the environment's namespace.

    Raises:
        Malformed: a rule is refused; the message says why.
    """
    configs = mappings(job, field)
    if len(configs) > _MAX_RULES:
        raise Malformed(f"{field} has {len(configs)} rules; at most {_MAX_RULES} are let through")
    namespace_rule = {"action": "replace", "target_label": "namespace", "replacement": namespace}
    return [*(_rule(each, targets=field == "relabel_configs") for each in configs), namespace_rule]


def _rule(rule: Fields, *, targets: bool) -> Rule:
    if unknown := sorted(set(rule) - _FIELDS):
        raise Malformed(f"a relabelling rule has {quote(unknown[0])}, which is not let through")
    action = string(rule, "action") or "replace"
    read = {"action": action, **_source(rule), **_pattern(rule), **_target(rule)}
    match action:
        case "keep" | "drop":
            return read
        case "replace":
            if targets and read.get("target_label") in DESTINATIONS:
                return destination(read)
            return _with_allowed_target(read, targets=targets)
        case "hashmod":
            return {**_with_allowed_target(read, targets=targets), "modulus": _modulus(rule)}
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
    """A short line of text without `$`, which the collector would expand from its own environment.

    Args:
        holder: the map with the text.
        field: the field that holds it.

    Raises:
        Malformed: the field holds anything else.
    """
    value = string(holder, field)
    if "$" in value:
        raise Malformed(f"{field} has a `$`, which the collector would replace from its own environment")
    return line(value, field)


def line(value: str, field: str) -> str:
    """A short line of printable text.

    Args:
        value: the text.
        field: the field that holds it, for the message.

    Raises:
        Malformed: the text is longer, or has characters that are not printable.
    """
    if not value.isprintable() or len(value) > _MAX_LENGTH:
        raise Malformed(f"{field} must be a line of at most {_MAX_LENGTH} printable characters")
    return value


def label(name: str, field: str) -> str:
    """The name of a Prometheus label.

    Args:
        name: the name.
        field: the field that holds it, for the message.

    Raises:
        Malformed: the name is not valid.
    """
    if not _NAME.fullmatch(name) or len(name) > _MAX_LENGTH:
        raise Malformed(f"{field} must be a label's name, not {quote(name)}")
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
    if reason := re2.refusal(pattern):
        raise Malformed(f"the regex {quote(pattern)} {reason}")
    return {"regex": pattern}


def _target(rule: Fields) -> Rule:
    read: dict[str, object] = {}
    if "target_label" in rule:
        read["target_label"] = label(text(rule, "target_label"), "target_label")
    if "replacement" in rule:
        # `$` is allowed here, because the collector escapes it in `regex` and `replacement`.
        read["replacement"] = line(string(rule, "replacement"), "replacement")
    return read


def _with_allowed_target(rule: Rule, *, targets: bool) -> Rule:
    """Check that a rule sets no label of Prometheus' own, with the exceptions that are harmless."""
    name = str(rule.get("target_label", ""))
    allowed = {"__metrics_path__"} if targets else {"__name__"}
    if not name:
        raise Malformed(f"{rule['action']} needs a target_label")
    if name.startswith("__") and name not in allowed and not name.startswith("__tmp_"):
        raise Malformed(f"the label {quote(name)} is not a branch's to set")
    return rule
