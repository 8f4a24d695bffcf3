"""Monitors watch their own namespace, and hand out nothing that is the collector's own."""

from collections.abc import Iterator

from provisioning.guard.fields import Fields, mapping, shown, strings
from provisioning.guard.rules import Rules, kind_id

_MONITORS = frozenset(
    f"{group}/{kind}"
    for group in ("azmonitoring.coreos.com", "monitoring.coreos.com")
    for kind in ("PodMonitor", "ServiceMonitor")
)


def refusals(obj: Fields, rules: Rules) -> Iterator[str]:
    """What stands against a PodMonitor or ServiceMonitor."""
    if kind_id(obj) not in _MONITORS:
        return
    selector = mapping(obj, "spec", "namespaceSelector")
    if selector.get("any"):
        yield "its namespaceSelector takes in every namespace"
    for name in strings(selector, "matchNames"):
        if name != rules.namespace:
            yield f"its namespaceSelector takes in the namespace {shown(name)}"
    for name in _files(mapping(obj, "spec")):
        yield f"its {name} would be read from the collector's own files, and sent to the branch's pods"


def _files(spec: Fields) -> Iterator[str]:
    for field in ("endpoints", "podMetricsEndpoints"):
        endpoints = spec.get(field)
        waiting: list[object] = [endpoints]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                yield from (
                    name for name in ("bearerTokenFile", "caFile", "certFile", "keyFile") if value.get(name)
                )
                waiting.extend(value.values())
            elif isinstance(value, list):
                waiting.extend(value)
