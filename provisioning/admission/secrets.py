"""Secrets are what their type says, and no type makes the cluster hand something out.

A Secret of type `kubernetes.io/service-account-token` is filled with a token that never ends.
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


def refusals(obj: Fields, _rules: AdmissionPolicy) -> Iterator[str]:
    """What stands against the type of a Secret, also of one that the CSI driver writes."""
    if kind_id(obj) == "Secret":
        yield from _type(string(obj, "type"))
    elif kind_id(obj) == "secrets-store.csi.x-k8s.io/SecretProviderClass":
        for copied in mappings(mapping(obj, "spec"), "secretObjects"):
            yield from _type(string(copied, "type"))


def _type(kind: str) -> Iterator[str]:
    if kind and kind not in _TYPES:
        yield f"the type of Secret {quote(kind)} is not let through; what is: {', '.join(sorted(_TYPES))}"
