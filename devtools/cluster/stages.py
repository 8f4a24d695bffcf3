"""What kwok does with nodes, pods and volume claims: stages of its own, for every storage class, and ours."""

from typing import Any

from devtools.cluster.nodes import DEALLOCATED
from devtools.cluster.programs import module_folder

_STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast", "volume/fast")
# A pod whose node was lost for a while becomes ready again, as it would with a kubelet.
_READY_AGAIN = """
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-ready-again}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
      - {key: .status.phase, operator: In, values: [Running]}
      - {key: '.status.conditions.[] | select( .type == "Ready" ) | .status', operator: In, values: ["False"]}
  next:
    statusTemplate: |
      conditions: [{type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}]
"""
# A deallocated machine sends neither status nor heartbeat until it is started.
_ON = f"    - {{key: '.metadata.annotations[\"{DEALLOCATED}\"]', operator: DoesNotExist}}\n"
# The storage classes of AKS: https://learn.microsoft.com/azure/aks/concepts-storage#storage-classes
_CLASSES = ("default", "managed", "managed-csi", "managed-csi-premium", "managed-premium", "azurefile-csi")


def stages() -> str:
    """Return kwok's configuration: its stages without delays, the heartbeat of nodes, and our own stages.

    Raises:
        ClusterUnavailableError: The module could not be fetched.
    """
    module = module_folder("kwok", "sigs.k8s.io/kwok") / "kustomize" / "stage"
    documents = []
    for family in _STAGES:
        for file in sorted((module / family).glob("*.yaml")):
            text = file.read_text()
            if "kind: Stage" in text:
                # kwok serves one storage class of its own only; claims here name the classes of AKS.
                text = text.replace("self.spec.storageClassName == 'kwok-volume'", "true")
                if "kind: Node\n" in text:
                    text = text.replace("    matchExpressions:\n", f"    matchExpressions:\n{_ON}", 1)
                documents.append(text)
    return "\n---\n".join((*documents, _READY_AGAIN))


def storage_classes() -> list[dict[str, Any]]:
    """Return the storage classes of an AKS cluster, with kwok as their provisioner."""
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": name,
                "annotations": {
                    "storageclass.kubernetes.io/is-default-class": str(name == "default").lower()
                },
            },
            "provisioner": "kwok.x-k8s.io/volume",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
        }
        for name in _CLASSES
    ]
