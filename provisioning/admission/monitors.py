"""Monitors watch their own namespace, and say nothing but what a scrape job of a branch may say.

A monitor becomes a scrape job of the collector, beside everybody's. Of what it says, much is copied into
patterns of that job unread: names of ports, values of a selector. So both have to be of the form that
Kubernetes asks for: a pattern that Prometheus does not take silences every job.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, mappings, shown, string, strings
from coppice.manifests.rejection import Refusal
from provisioning.admission.monitor_endpoints import check_endpoint, whole_number
from provisioning.admission.policy import AdmissionPolicy
from provisioning.admission.scrape_jobs import MOST_BYTES, MOST_JOBS

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
    """What stands against a PodMonitor or ServiceMonitor."""
    if kind_id(obj) not in MONITORS:
        return
    spec = mapping(obj, "spec")
    for field, value in spec.items():
        if value is None:
            continue
        if field == "namespaceSelector":
            yield from _elsewhere(mapping(spec, field), policy.namespace)
        elif field in ENDPOINTS:
            for number, endpoint in enumerate(mappings(spec, field), start=1):
                for problem in check_endpoint(endpoint, policy.namespace):
                    yield f"its {field} {number}: {problem}"
        else:
            try:
                _SPEC.get(field, _unknown)(spec, field)
            except Malformed as error:
                yield f"its spec: {error}"


def beyond_budget(objects: Sequence[Fields]) -> Iterator[Refusal]:
    """What stands against the monitors of an environment together: each endpoint becomes a scrape job, and an
    environment has no more of those, and no larger ones, than a branch may bring.

    Args:
        objects: all of its objects, whose fields are of the types that they should have.
    """
    specs = [mapping(obj, "spec") for obj in objects if kind_id(obj) in MONITORS]
    endpoints = sum(len(mappings(spec, field)) for spec in specs for field in ENDPOINTS)
    if endpoints > MOST_JOBS:
        said = f"its monitors have {endpoints} endpoints; at most {MOST_JOBS} are let through"
        yield Refusal("overlay", said)
    if len(json.dumps(specs)) > MOST_BYTES:
        yield Refusal("overlay", f"its monitors take more than {MOST_BYTES} bytes of JSON")


def _elsewhere(selector: Fields, namespace: str) -> Iterator[str]:
    if unknown := sorted(set(selector) - {"any", "matchNames"}):
        yield f"its namespaceSelector has {shown(unknown[0])}, which is not let through"
    if selector.get("any"):
        yield "its namespaceSelector takes in every namespace"
    for name in strings(selector, "matchNames"):
        if name != namespace:
            yield f"its namespaceSelector takes in the namespace {shown(name)}"


def _unknown(_spec: Fields, field: str) -> None:
    let_through = sorted([*_SPEC, *ENDPOINTS, "namespaceSelector"])
    raise Malformed(f"{shown(field)} is not let through; what is: {', '.join(let_through)}")


def _selector(spec: Fields, field: str) -> None:
    selector = mapping(spec, field)
    if unknown := sorted(set(selector) - {"matchExpressions", "matchLabels"}):
        raise Malformed(f"{field} has {shown(unknown[0])}, which is not let through")
    labels = mapping(selector, "matchLabels")
    for key in labels:
        _matches(key, [string(labels, key)])
    for each in mappings(selector, "matchExpressions"):
        if set(each) - {"key", "operator", "values"} or string(each, "operator") not in _OPERATORS:
            raise Malformed(
                f"matchExpressions have a key, an operator ({', '.join(_OPERATORS)}) and values, no more"
            )
        _matches(string(each, "key"), strings(each, "values"))


def _matches(key: str, values: Sequence[str]) -> None:
    _key(key)
    for value in values:
        if value and not _VALUE.fullmatch(value):
            raise Malformed(f"{shown(value)} can be the value of no label")


def _key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise Malformed(f"{shown(key)} can be the name of no label")


def _label(spec: Fields, field: str) -> None:
    _key(string(spec, field))


def _labels(spec: Fields, field: str) -> None:
    for each in strings(spec, field):
        _key(each)


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
