"""Checks against allow-lists what a branch may bring into the cluster, before and after the build.

Each family of rules has its own module. This package exports what other packages use.
"""

from provisioning.admission.namespace import namespace_labels
from provisioning.admission.objects import check_objects
from provisioning.admission.policy import AdmissionPolicy
from provisioning.admission.shared import part_of, remarks, split_shared
from provisioning.admission.sources import check_sources

__all__ = [
    "AdmissionPolicy",
    "check_objects",
    "check_sources",
    "namespace_labels",
    "part_of",
    "remarks",
    "split_shared",
]
