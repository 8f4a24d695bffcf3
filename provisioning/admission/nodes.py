"""Keeps pods on the nodes that the operator has set aside for environments.

A branch could tolerate every taint and select the system's nodes, or one particular node. So an overlay may
select only by labels that do not tell whose a node is, and by the labels and taints of the settings.
"""

from collections.abc import Iterator

from coppice.manifests.fields import Fields, mapping, mappings, quote, string
from coppice.manifests.pod_templates import pod_spec
from provisioning.admission.policy import AdmissionPolicy

# https://kubernetes.io/docs/reference/labels-annotations-taints/: labels of hardware and location.
_LABELS = frozenset(
    {
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "topology.disk.csi.azure.com/zone",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
# Kubernetes itself adds these two tolerations to each pod, for five minutes.
_NODE_FAILURES = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """Check the node selectors, affinities and tolerations of the pods that an object is or creates."""
    spec = pod_spec(obj)
    allowed = _LABELS | policy.node_labels
    for label in dict.fromkeys(
        [*mapping(spec, "nodeSelector"), *_affinity_labels(mapping(spec, "affinity", "nodeAffinity"))]
    ):
        if label not in allowed:
            yield (
                f"its pods choose nodes by the label {quote(label)}; NODE_SELECTOR chooses them for all "
                "environments, and beside it an overlay may use " + ", ".join(sorted(allowed))
            )
    for toleration in mappings(spec, "tolerations"):
        if not _tolerates_node_failure(toleration) and toleration not in policy.tolerations:
            yield (
                f"its pods tolerate the taint {quote(toleration.get('key') or '(any)')}; "
                "TOLERATIONS says for all environments which"
            )


def _affinity_labels(affinity: Fields) -> Iterator[str]:
    preferences = [mapping(each, "preference") for each in mappings(affinity, _PREFERRED)]
    for term in (*mappings(mapping(affinity, _REQUIRED), "nodeSelectorTerms"), *preferences):
        for expression in mappings(term, "matchExpressions"):
            yield string(expression, "key")


def _tolerates_node_failure(toleration: Fields) -> bool:
    return string(toleration, "key") in _NODE_FAILURES and string(toleration, "effect") == "NoExecute"
