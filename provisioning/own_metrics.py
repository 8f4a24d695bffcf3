"""Monitors say whose their metrics are, as the scrape jobs of the older kind do (`guard/scrape_jobs`).

The collector labels what it scrapes with the namespace, and a monitor's own rules come after that. So ours
comes last, in both lists: what a pod answers, or a rule makes of it, never passes for another namespace's.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from coppice.components.application import Manifest
from coppice.manifests.fields import kind_id
from provisioning.admission.monitors import ENDPOINTS, MONITORS


def labelled(manifests: Iterable[Manifest], namespace: str) -> tuple[Manifest, ...]:
    """Have every monitor say its namespace last, and follow nobody elsewhere.

    Args:
        manifests: objects that were judged.
        namespace: the environment's.

    Returns:
        The same objects, the monitors' endpoints with these rules and without redirects.
    """
    return tuple(_labelled(each, namespace) if kind_id(each) in MONITORS else each for each in manifests)


def _labelled(monitor: Manifest, namespace: str) -> Manifest:
    spec = dict(monitor.get("spec") or {})
    for field in ENDPOINTS:
        if spec.get(field):
            spec[field] = [_endpoint(each, namespace) for each in spec[field]]
    return {**monitor, "spec": spec}


def _endpoint(endpoint: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    last = {"action": "replace", "targetLabel": "namespace", "replacement": namespace}
    ruled = {field: [*(endpoint.get(field) or ()), last] for field in ("relabelings", "metricRelabelings")}
    # A pod that answers with a redirect would send the collector elsewhere.
    return {**endpoint, **ruled, "followRedirects": False}
