"""Reserves the names of this program's own objects, so that an overlay can neither replace nor prune them.

The fence consists of ordinary objects in the branch's namespace, and the database's login is an ordinary
Secret. Applying an object of the same name from an overlay would overwrite it.
"""

from collections.abc import Iterator

from coppice.manifests.fields import Fields, kind_id, mapping, mappings, name_of, string
from provisioning.admission.policy import AdmissionPolicy
from provisioning.fence import API_VERSIONS, NAME_PREFIX

_FENCE_KINDS = frozenset(
    kind_id({"apiVersion": version, "kind": kind}) for kind, version in API_VERSIONS.items()
)


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """Check the name of an object, and of a Secret that the CSI driver would sync to."""
    kind, name = kind_id(obj), name_of(obj)
    if kind in _FENCE_KINDS and name.startswith(NAME_PREFIX):
        yield f"names that begin with {NAME_PREFIX} are those of the environment's fence; call it otherwise"
    if not policy.database_secret:
        return
    if kind == "Secret" and name == policy.database_secret:
        yield "the database's login is delivered in the Secret of this name; leave it out"
    if kind == "secrets-store.csi.x-k8s.io/SecretProviderClass":
        for synced in mappings(mapping(obj, "spec"), "secretObjects"):
            if string(synced, "secretName") == policy.database_secret:
                yield (
                    f"its secretObjects would write the Secret {policy.database_secret}, "
                    "in which the database's login is delivered; call it otherwise"
                )
