"""Builds objects that have an identity or mount secrets."""

from typing import Any

from provisioning.secrets import ManifestsWithIdentities, VaultConfig, with_identities
from tests.support.manifests import cron_job, deployment, job, service_account

NIL = "00000000-0000-0000-0000-000000000000"
OTHER = "0f000000-0000-0000-0000-000000000000"
TENANT = "a0000000-0000-0000-0000-000000000000"
CLIENTS = {
    "web": "c1000000-0000-0000-0000-000000000000",
    "uploader": "c2000000-0000-0000-0000-000000000000",
}
NO_VAULTS = VaultConfig(vaults=(), objects=("*feature*",))
VAULTS = VaultConfig(vaults=("kv-feature", "kv-more"), objects=("*feature*", "api-key", "smtp-password"))

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "ScaledJob": ("spec", "jobTargetRef", "template"),
}
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", *_TEMPLATES)


def provider(name: str = "vault", *, copied: str = "", **parameters: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"provider": "azure", "parameters": parameters}
    if copied:
        spec["secretObjects"] = [{"secretName": copied, "type": "Opaque"}]
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": name},
        "spec": spec,
    }


def secret(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}


def volume(provided: str, driver: str = "secrets-store.csi.k8s.io") -> dict[str, Any]:
    attributes = {"secretProviderClass": provided} if provided else {}
    return {"name": "secrets", "csi": {"driver": driver, "volumeAttributes": attributes}}


def pod_template(manifest: dict[str, Any]) -> dict[str, Any]:
    """The pod template of an object; the object itself if it is a pod."""
    for field in _TEMPLATES.get(manifest["kind"], ("spec", "template")):
        manifest = manifest[field]
    return manifest


def mounting(kind: str, name: str, account: str, *provided: str) -> dict[str, Any]:
    """An object of any kind whose pods use a service account and mount SecretProviderClasses."""
    match kind:
        case "Job":
            made = job(name)
        case "CronJob":
            made = cron_job(name)
        case "Pod":
            made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": _spec()}
        case "PodTemplate":
            made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
            made["template"] = {"spec": _spec()}
        case "ScaledJob":
            made = {"apiVersion": "keda.sh/v1alpha1", "kind": kind, "metadata": {"name": name}}
            made["spec"] = {"jobTargetRef": {"template": {"spec": _spec()}}}
        case _:
            made = {**deployment(name), "kind": kind}
    spec = pod_template(made)["spec"]
    spec["serviceAccountName"] = account
    spec["volumes"] = [volume(each) for each in provided]
    return made


def _spec() -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": "example/main:1"}]}


def set_identities(*manifests: dict[str, Any], vaults: VaultConfig = NO_VAULTS) -> ManifestsWithIdentities:
    return with_identities(manifests, clients=CLIENTS, tenant=TENANT, vaults=vaults)


def parameters(found: ManifestsWithIdentities, name: str = "vault") -> dict[str, str]:
    (only,) = [
        dict(each["spec"]["parameters"])
        for each in found.manifests
        if each["kind"] == "SecretProviderClass" and each["metadata"]["name"] == name
    ]
    return only


def annotated(name: str, **annotations: str) -> dict[str, Any]:
    account = service_account(name)
    account["metadata"]["annotations"] = annotations
    return account
