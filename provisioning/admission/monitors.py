"""Restricts PodMonitors and ServiceMonitors to their own namespace and to what a branch's scrape job may say.

A monitor becomes a scrape job of the collector that the whole cluster shares. Names of ports and values of
selectors are copied into regular expressions of that job without being checked. They must therefore have the
form that Kubernetes requires: one expression that Prometheus does not accept stops every job.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, mappings, quote, string, strings
from coppice.manifests.rejection import Refusal
from provisioning.admission.monitor_endpoints import check_endpoint, whole_number
from provisioning.admission.policy import AdmissionPolicy
from provisioning.admission.scrape_jobs import MAX_BYTES, MAX_JOBS

MONITORS = frozenset(
    f"{group}/{kind}"
    for group in ("azmonitoring.coreos.com", "monitoring.coreos.com")
    for kind in ("PodMonitor", "ServiceMonitor")
)
"""The kinds of monitors."""

ENDPOINTS = ("endpoints", "podMetricsEndpoints")
"""The fields of a monitor that say what is scraped."""

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_KEY = re.compile(rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_VALUE.pattern}")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """Check a PodMonitor or ServiceMonitor."""
    if kind_id(obj) not in MONITORS:
        return
    spec = mapping(obj, "spec")
    for field, value in spec.items():
        if value is None:
            continue
        if field == "namespaceSelector":
            yield from _namespace_selector(mapping(spec, field), policy.namespace)
        elif field in ENDPOINTS:
            for number, endpoint in enumerate(mappings(spec, field), start=1):
                for problem in check_endpoint(endpoint, policy.namespace):
                    yield f"its {field} {number}: {problem}"
        else:
            try:
                _SPEC.get(field, _refuse_unknown)(spec, field)
            except Malformed as error:
                yield f"its spec: {error}"


def budget_refusals(objects: Sequence[Fields]) -> Iterator[Refusal]:
    """Check all monitors of an environment together.

    Each endpoint becomes a scrape job, so the limits for number and size are those of scrape jobs.

    Args:
        objects: all of its objects; their fields have the expected types.
    """
    specs = [mapping(obj, "spec") for obj in objects if kind_id(obj) in MONITORS]
    endpoints = sum(len(mappings(spec, field)) for spec in specs for field in ENDPOINTS)
    if endpoints > MAX_JOBS:
        reason = f"its monitors have {endpoints} endpoints; at most {MAX_JOBS} are let through"
        yield Refusal("overlay", reason)
    if len(json.dumps(specs)) > MAX_BYTES:
        yield Refusal("overlay", f"its monitors take more than {MAX_BYTES} bytes of JSON")


def _namespace_selector(selector: Fields, namespace: str) -> Iterator[str]:
    if unknown := sorted(set(selector) - {"any", "matchNames"}):
        yield f"its namespaceSelector has {quote(unknown[0])}, which is not let through"
    if selector.get("any"):
        yield "its namespaceSelector takes in every namespace"
    for name in strings(selector, "matchNames"):
        if name != namespace:
            yield f"its namespaceSelector takes in the namespace {quote(name)}"


def _refuse_unknown(_spec: Fields, field: str) -> None:
    allowed = sorted([*_SPEC, *ENDPOINTS, "namespaceSelector"])
    raise Malformed(f"{quote(field)} is not let through; what is: {', '.join(allowed)}")


def _selector(spec: Fields, field: str) -> None:
    selector = mapping(spec, field)
    if unknown := sorted(set(selector) - {"matchExpressions", "matchLabels"}):
        raise Malformed(f"{field} has {quote(unknown[0])}, which is not let through")
    labels = mapping(selector, "matchLabels")
    for key in labels:
        _check_requirement(key, [string(labels, key)])
    for each in mappings(selector, "matchExpressions"):
        if set(each) - {"key", "operator", "values"} or string(each, "operator") not in _OPERATORS:
            raise Malformed(
                f"matchExpressions have a key, an operator ({', '.join(_OPERATORS)}) and values, no more"
            )
        _check_requirement(string(each, "key"), strings(each, "values"))


def _check_requirement(key: str, values: Sequence[str]) -> None:
    _check_key(key)
    for value in values:
        if value and not _VALUE.fullmatch(value):
            raise Malformed(f"{quote(value)} can be the value of no label")


def _check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise Malformed(f"{quote(key)} can be the name of no label")


def _label(spec: Fields, field: str) -> None:
    _check_key(string(spec, field))


def _labels(spec: Fields, field: str) -> None:
    for each in strings(spec, field):
        _check_key(each)


_SPEC: Mapping[str, Callable[[Fields, str], None]] = {
    "jobLabel": _label,
    "keepDroppedTargets": whole_number,
    "labelLimit": whole_number,
    "labelNameLengthLimit": whole_number,
    "labelValueLengthLimit": whole_number,
    "podTargetLabels": _labels,
    "sampleLimit": whole_number,
    "selector": _selector,
    "targetLabels": _labels,
    "targetLimit": whole_number,
}
