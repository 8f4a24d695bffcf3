"""One object in the versions of its group: stored in one of them, served in all.

Which fields a manager owns is noted in the terms of the version that it wrote in, as in the real server; they
are not translated when it writes in another one.
"""

from typing import Any

from devtools.emulators.kubernetes import status
from devtools.emulators.kubernetes.kinds import BY_NAME, BY_RESOURCE, Kind

Object = dict[str, Any]

_PERCENTAGE = "targetCPUUtilizationPercentage"


def stored_kind(kind: Kind) -> Kind:
    """Return the kind in the version in which its objects are stored."""
    return BY_RESOURCE[kind.group, kind.stored, kind.plural] if kind.stored else kind


def served(kind: Kind, found: Object) -> Object:
    """Convert a stored object to the version of a kind.

    Args:
        kind: the kind, in the version to serve.
        found: the stored object.

    Returns:
        The object in that version.

    Raises:
        ApiError: 400, the version cannot express the object.
    """
    if stored_kind(kind) == BY_NAME["HorizontalPodAutoscaler"]:
        found = _with_percentage(found)
    return found | {"apiVersion": kind.api_version}


def stored(kind: Kind, new: Object) -> Object:
    """Convert an object from the version of a kind to the stored version."""
    into = stored_kind(kind)
    if into == BY_NAME["HorizontalPodAutoscaler"]:
        new = _with_metrics(new)
    return new | {"apiVersion": into.api_version}


def _with_metrics(scaler: Object) -> Object:
    """Convert the metrics of an autoscaler to v2; v1 has one percentage only."""
    spec = {field: value for field, value in scaler.get("spec", {}).items() if field != _PERCENTAGE}
    percentage = scaler.get("spec", {}).get(_PERCENTAGE)
    if percentage is not None:
        target = {"type": "Utilization", "averageUtilization": percentage}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return scaler | {"spec": spec}


def _with_percentage(scaler: Object) -> Object:
    spec = dict(scaler.get("spec", {}))
    for metric in spec.pop("metrics", ()):
        resource = metric.get("resource", {})
        percentage = resource.get("target", {}).get("averageUtilization")
        if resource.get("name") != "cpu" or percentage is None:
            raise status.bad_request("the emulator does not show such metrics in autoscaling/v1")
        spec[_PERCENTAGE] = percentage
    return scaler | {"spec": spec}
