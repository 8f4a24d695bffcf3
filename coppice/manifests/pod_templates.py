"""The pods that an overlay's objects create: their service account, and the secret providers they mount."""

from collections.abc import Mapping
from dataclasses import dataclass

from coppice.components.application import Manifest
from coppice.manifests.fields import Fields, mapping, mappings, string

SECRETS_STORE_DRIVER = "secrets-store.csi.k8s.io"
PROVIDER_CLASS = "secrets-store.csi.x-k8s.io/SecretProviderClass"
SERVICE_ACCOUNT = "ServiceAccount"

# Kind → the path of its pod template. Every other kind has it where a Deployment does.
_TEMPLATE_PATHS: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "ScaledJob": ("spec", "jobTargetRef", "template"),
}
_DEPLOYMENT_TEMPLATE_PATH = ("spec", "template")


@dataclass(frozen=True, kw_only=True)
class Pods:
    """The pods of one object.

    Attributes:
        template: the path of the pod template; empty if the object is itself a pod.
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
        Its pods; `None` if it creates none.

    Raises:
        Malformed: a field does not have the expected type.
    """
    spec = pod_spec(manifest)
    if not mappings(spec, "containers"):
        return None
    return Pods(template=_template_path(manifest), account=_account(spec), mounted=_mounted(spec))


def pod_spec(manifest: Fields) -> Fields:
    """The spec of the pods that an object is or creates; empty if it creates none.

    Args:
        manifest: any object.

    Raises:
        Malformed: a field does not have the expected type.
    """
    return mapping(manifest, *_template_path(manifest), "spec")


def _template_path(manifest: Fields) -> tuple[str, ...]:
    return _TEMPLATE_PATHS.get(string(manifest, "kind"), _DEPLOYMENT_TEMPLATE_PATH)


def _account(spec: Fields) -> str:
    """`serviceAccount` is the deprecated alias of `serviceAccountName`, and counts if the latter is empty.

    https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
    """
    return string(spec, "serviceAccountName") or string(spec, "serviceAccount") or "default"


def _mounted(spec: Fields) -> tuple[str, ...]:
    volumes = [mapping(volume, "csi") for volume in mappings(spec, "volumes")]
    return tuple(
        string(mapping(volume, "volumeAttributes"), "secretProviderClass")
        for volume in volumes
        if string(volume, "driver") == SECRETS_STORE_DRIVER
    )
