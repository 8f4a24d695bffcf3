"""The pods that an overlay's objects make: as whom they run, and which secret providers they mount.

A field is read as the guard reads it: what it let through is of the expected type.
"""

from dataclasses import dataclass

from coppice.components.application import Manifest
from coppice.manifests.fields import Fields, kind_id, mapping, mappings, string

DRIVER = "secrets-store.csi.k8s.io"
PROVIDER_CLASS = "secrets-store.csi.x-k8s.io/SecretProviderClass"
SERVICE_ACCOUNT = "ServiceAccount"

# Where a kind keeps the template of its pods; all others keep it where a Deployment does.
_TEMPLATES = {
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "ScaledJob": ("spec", "jobTargetRef", "template"),
}
_DEPLOYMENTS_TEMPLATE = ("spec", "template")


@dataclass(frozen=True, kw_only=True)
class Pods:
    """The pods of one object.

    Attributes:
        template: the fields that lead to their template; none if the object is itself a pod.
        account: the service account that they run as.
        mounted: the `SecretProviderClass`es that they mount, in the order of their volumes. A volume that
            names none has an empty name.
    """

    template: tuple[str, ...]
    account: str
    mounted: tuple[str, ...]


def pods(manifest: Manifest) -> Pods | None:
    """Read what an object says about its pods.

    Args:
        manifest: any object.

    Returns:
        Its pods; `None` if it makes none.

    Raises:
        Malformed: a field that is read is not of its type.
    """
    template = _TEMPLATES.get(string(manifest, "kind"), _DEPLOYMENTS_TEMPLATE)
    spec = mapping(manifest, *template, "spec")
    if not mappings(spec, "containers"):
        return None
    return Pods(template=template, account=_account(spec), mounted=_mounted(spec))


def name(manifest: Manifest) -> str:
    """An object's name."""
    return string(mapping(manifest, "metadata"), "name")


def of_kind(manifest: Manifest, kind: str) -> bool:
    """Whether an object is of a kind, written `group/Kind`, or `Kind` in the core group."""
    return kind_id(manifest) == kind


def _account(spec: Fields) -> str:
    """`serviceAccount` is the old name of `serviceAccountName`, and counts where the new one is empty
    (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec).
    """
    return string(spec, "serviceAccountName") or string(spec, "serviceAccount") or "default"


def _mounted(spec: Fields) -> tuple[str, ...]:
    volumes = [mapping(volume, "csi") for volume in mappings(spec, "volumes")]
    return tuple(
        string(mapping(volume, "volumeAttributes"), "secretProviderClass")
        for volume in volumes
        if string(volume, "driver") == DRIVER
    )
