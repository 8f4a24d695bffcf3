"""Sets the `namespace` label in every metric that a monitor collects.

The collector labels scraped metrics with the namespace, and applies a monitor's own relabelling rules after
that. The rule added here comes last in both lists, so that neither a pod's answer nor a rule of the overlay
can report metrics for another namespace. `provisioning.admission.relabelling` does the same for scrape jobs.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import kind_id
from provisioning.admission.monitors import ENDPOINTS, MONITORS


def with_namespace_label(manifests: Iterable[Manifest], namespace: str) -> tuple[Manifest, ...]:
    """Make every monitor set the namespace label last and follow no redirects.

    Args:
        manifests: objects that `check_objects` has not refused.
        namespace: the environment's namespace.

    Returns:
        The objects; the endpoints of the monitors among them are changed.
    """
    return tuple(
        _labelled_monitor(each, namespace) if kind_id(each) in MONITORS else each for each in manifests
    )


def _labelled_monitor(monitor: Manifest, namespace: str) -> Manifest:
    spec = dict(monitor.get("spec") or {})
    for field in ENDPOINTS:
        if spec.get(field):
            spec[field] = [_labelled_endpoint(each, namespace) for each in spec[field]]
    return {**monitor, "spec": spec}


def _labelled_endpoint(endpoint: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    rule = {"action": "replace", "targetLabel": "namespace", "replacement": namespace}
    rules = {field: [*(endpoint.get(field) or ()), rule] for field in ("relabelings", "metricRelabelings")}
    # A pod that answers with a redirect would send the collector to another host.
    return {**endpoint, **rules, "followRedirects": False}
