"""Decides by allow-lists what a branch may bring into the cluster: twice, before and after the build.

A file per family of rules; what other rooms need of it is named here.
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
