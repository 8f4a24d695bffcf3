"""Selects the labels that an overlay may set on its own namespace: a few descriptive ones.

This program creates the namespace, with the labels that decide what its pods may do and which gateways its
routes may use. If an overlay could set any label, a branch could grant itself both.
"""

import re
from collections.abc import Mapping, Sequence

from coppice.manifests.fields import Fields, kind_id, mapping
from provisioning.admission.policy import AdmissionPolicy

# These describe the namespace only. Others have an effect: Pod Security, gateways, network policies.
LABELS = frozenset(
    {
        "app.kubernetes.io/component",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/name",
        "app.kubernetes.io/version",
        "cost-center",
        "owner",
        "team",
    }
)

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


def namespace_labels(objects: Sequence[Fields], policy: AdmissionPolicy) -> Mapping[str, str]:
    """Select the labels of the overlay's `Namespace`; everything else in that object is ignored.

    Args:
        objects: the objects that kustomize built and `check_objects` has not refused.
        policy: the environment's admission policy.

    Returns:
        Its labels that are in `LABELS`; none if the overlay has no such object.
    """
    return {
        key: value
        for obj in objects
        if kind_id(obj) == "Namespace" and mapping(obj, "metadata").get("name") == policy.namespace
        for key, value in mapping(obj, "metadata", "labels").items()
        if key in LABELS and isinstance(value, str) and _VALUE.fullmatch(value)
    }
