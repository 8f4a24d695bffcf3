"""What kwok does with nodes, pods and volume claims: its own stages, for every storage class."""

from typing import Any

from local.cluster.programs import module_folder

_STAGES = ("node/fast", "pod/fast", "volume/fast")
# AKS brings these: https://learn.microsoft.com/azure/aks/concepts-storage#storage-classes
_CLASSES = ("default", "managed", "managed-csi", "managed-csi-premium", "managed-premium", "azurefile-csi")


def stages() -> str:
    """Return kwok's configuration: the fast stages that its module carries.

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
                documents.append(text.replace("self.spec.storageClassName == 'kwok-volume'", "true"))
    return "\n---\n".join(documents)


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
