"""Names that are this program's own: an overlay can neither change what stands under them nor prune it.

Its fence is ordinary objects in the branch's namespace, and the database's login an ordinary Secret. Were an
overlay to bring one of the same name, applying it would take the other's place.
"""

from collections.abc import Iterator

from coppice.manifests.fields import Fields, kind_id, mapping, mappings, string
from provisioning.admission.policy import AdmissionPolicy
from provisioning.fence import KINDS, NAMES

_FENCE = frozenset(
    f"{version.rpartition('/')[0]}/{kind}".removeprefix("/") for kind, version in KINDS.items()
)


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """What stands against the name of an object, and of a Secret that the CSI driver would write."""
    kind, name = kind_id(obj), string(mapping(obj, "metadata"), "name")
    if kind in _FENCE and name.startswith(NAMES):
        yield f"names that begin with {NAMES} are those of the environment's fence; call it otherwise"
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
