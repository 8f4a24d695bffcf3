"""Restricts the types of Secrets to those that only hold the given data.

Kubernetes writes a token that never expires into a Secret of type `kubernetes.io/service-account-token`.
"""

from collections.abc import Iterator

from coppice.manifests.fields import Fields, kind_id, mapping, mappings, quote, string
from provisioning.admission.policy import AdmissionPolicy

# https://kubernetes.io/docs/concepts/configuration/secret/#secret-types
_TYPES = frozenset(
    {
        "Opaque",
        "kubernetes.io/basic-auth",
        "kubernetes.io/dockercfg",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/ssh-auth",
        "kubernetes.io/tls",
    }
)


def refusals(obj: Fields, _policy: AdmissionPolicy) -> Iterator[str]:
    """Check the type of a Secret, and of one that the CSI driver would sync to."""
    if kind_id(obj) == "Secret":
        yield from _type(string(obj, "type"))
    elif kind_id(obj) == "secrets-store.csi.x-k8s.io/SecretProviderClass":
        for synced in mappings(mapping(obj, "spec"), "secretObjects"):
            yield from _type(string(synced, "type"))


def _type(kind: str) -> Iterator[str]:
    if kind and kind not in _TYPES:
        yield f"the type of Secret {quote(kind)} is not let through; what is: {', '.join(sorted(_TYPES))}"
