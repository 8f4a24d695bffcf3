"""What an overlay may say about its own namespace: a few descriptive labels.

The namespace is made by this program, with the labels that decide what its pods may do and which gateways its
routes may use. Were an overlay's labels taken as they are, a branch could grant itself both.
"""

import re
from collections.abc import Mapping, Sequence

from coppice.manifests.fields import Fields, kind_id, mapping
from provisioning.admission.policy import AdmissionPolicy

# Purely descriptive. Others select a namespace for something: Pod Security, gateways, network policies.
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
    """The labels that count of the overlay's own `Namespace`; everything else in it is passed over.

    Args:
        objects: what kustomize built, and `check_objects` let through.
        policy: the environment's.

    Returns:
        Its labels out of `LABELS`; none if the overlay has no such object.
    """
    return {
        key: value
        for obj in objects
        if kind_id(obj) == "Namespace" and mapping(obj, "metadata").get("name") == policy.namespace
        for key, value in mapping(obj, "metadata", "labels").items()
        if key in LABELS and isinstance(value, str) and _VALUE.fullmatch(value)
    }
