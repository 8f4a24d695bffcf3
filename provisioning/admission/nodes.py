"""Pods go to the nodes that the operator keeps for environments, and to no others.

A branch could tolerate every taint and select the system's nodes, or a single one. So what it may say of
nodes is what says nothing about whose they are, and what the settings say themselves.
"""

from collections.abc import Iterator

from coppice.manifests.fields import Fields, mapping, mappings, shown, string
from provisioning.admission.pods import pod_spec
from provisioning.admission.policy import AdmissionPolicy

# https://kubernetes.io/docs/reference/labels-annotations-taints/: of the hardware, or of where it stands.
_LABELS = frozenset(
    {
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "topology.disk.csi.azure.com/zone",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
# Kubernetes itself gives each pod these two, for five minutes.
_LOST = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """What stands against where the pods of an object want to run."""
    spec = pod_spec(obj)
    known = _LABELS | policy.node_labels
    for label in dict.fromkeys(
        [*mapping(spec, "nodeSelector"), *_affine(mapping(spec, "affinity", "nodeAffinity"))]
    ):
        if label not in known:
            yield (
                f"its pods choose nodes by the label {shown(label)}; NODE_SELECTOR chooses them for all "
                "environments, and beside it an overlay may use " + ", ".join(sorted(known))
            )
    for toleration in mappings(spec, "tolerations"):
        if not _lost(toleration) and toleration not in policy.tolerations:
            yield (
                f"its pods tolerate the taint {shown(toleration.get('key') or '(any)')}; "
                "TOLERATIONS says for all environments which"
            )


def _affine(affinity: Fields) -> Iterator[str]:
    preferences = [mapping(each, "preference") for each in mappings(affinity, _PREFERRED)]
    for term in (*mappings(mapping(affinity, _REQUIRED), "nodeSelectorTerms"), *preferences):
        for expression in mappings(term, "matchExpressions"):
            yield string(expression, "key")


def _lost(toleration: Fields) -> bool:
    return string(toleration, "key") in _LOST and string(toleration, "effect") == "NoExecute"
