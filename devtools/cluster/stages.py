"""What kwok does with nodes, pods and volume claims: stages of its own, for every storage class, and ours."""

from typing import Any

from devtools.cluster.nodes import DEALLOCATED
from devtools.cluster.programs import module_folder

_STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast", "volume/fast")
# A pod whose node was lost for a while becomes ready again, as a kubelet would have it.
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
# A machine that was deallocated posts nothing until it is started.
_ON = f"    - {{key: '.metadata.annotations[\"{DEALLOCATED}\"]', operator: DoesNotExist}}\n"
# AKS brings these: https://learn.microsoft.com/azure/aks/concepts-storage#storage-classes
_CLASSES = ("default", "managed", "managed-csi", "managed-csi-premium", "managed-premium", "azurefile-csi")


def stages() -> str:
    """Return kwok's configuration: its module's stages that lose no time, a node's heartbeat, and ours.

    Raises:
        ClusterUnavailableError: The module could not be fetched.
    """
    module = module_folder("kwok", "sigs.k8s.io/kwok") / "kustomize" / "stage"
    documents = []
    for family in _STAGES:
        for file in sorted((module / family).glob("*.yaml")):
            text = file.read_text()
            if "kind: Stage" in text:
                # kwok serves one class of its own; a claim here names one of AKS's.
                text = text.replace("self.spec.storageClassName == 'kwok-volume'", "true")
                if "kind: Node\n" in text:
                    text = text.replace("    matchExpressions:\n", f"    matchExpressions:\n{_ON}", 1)
                documents.append(text)
    return "\n---\n".join((*documents, _READY_AGAIN))


def storage_classes() -> list[dict[str, Any]]:
    """Return the storage classes that an AKS cluster has, all served by kwok."""
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
