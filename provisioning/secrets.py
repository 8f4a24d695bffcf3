"""Sets the managed identity in service accounts, SecretProviderClasses and pods.

An overlay cannot know the identity: it is chosen while the branch is provisioned. The overlay holds a
placeholder, or the identity of another environment, and the client ID of the chosen identity replaces it.
A replaced value that was no placeholder is reported. docs/concepts/identity.md describes the whole identity
chain, and docs/reference/admission.md what is refused instead of replaced.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from coppice.components.application import TEMPLATE, Manifest, template
from coppice.manifests.fields import edited, kind_id, mapping, name_of, quote, value_at
from coppice.manifests.pod_templates import PROVIDER_CLASS, SERVICE_ACCOUNT, pods
from provisioning.admission.key_vault import SECRET_NAME
from provisioning.admission.metadata import OBJECT_NAME

# https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
CLIENT_ID = "azure.workload.identity/client-id"
TENANT_ID = "azure.workload.identity/tenant-id"
USE = "azure.workload.identity/use"

DEFAULT_CLASS = "branch-secrets"
"""The name of the generated `SecretProviderClass` if no pod mounts one by name."""

_PLACEHOLDERS = {"", "00000000-0000-0000-0000-000000000000"}
# What Go's strconv.ParseBool reads as false; the provider parses its flags with it.
_FALSE = {"", "0", "f", "F", "false", "False", "FALSE"}
_FLAGS = ("usePodIdentity", "useVMManagedIdentity")


@dataclass(frozen=True, kw_only=True)
class VaultConfig:
    """The secrets that an environment may read from Key Vault.

    Attributes:
        vaults: names of the vaults that it may read; the first is the vault of a class that is made.
            Setting `KEY_VAULTS`.
        objects: globs of what it may read there, compared without case. Setting `KEY_VAULT_OBJECTS`.
    """

    vaults: tuple[str, ...]
    objects: tuple[str, ...]

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The entries of `objects` that are names of secrets and not globs."""
        return tuple(each for each in dict.fromkeys(self.objects) if SECRET_NAME.fullmatch(each))


@dataclass(frozen=True, kw_only=True)
class ManifestsWithIdentities:
    """Objects that name the identity that holds their credential.

    Attributes:
        manifests: the given objects in their order, then the generated ones.
        corrections: a sentence for each value of the overlay that was replaced and was no placeholder.
    """

    manifests: tuple[Manifest, ...]
    corrections: tuple[str, ...]


@dataclass(frozen=True)
class _Edit:
    """A value to set at a path of an object."""

    path: tuple[str, ...]
    value: str


def with_identities(
    manifests: Sequence[Manifest], *, clients: Mapping[str, str], tenant: str, vaults: VaultConfig
) -> ManifestsWithIdentities:
    """Set the identity in service accounts, SecretProviderClasses and pods, and generate the missing ones.

    Args:
        manifests: an overlay's objects that `provisioning.mounts` has not refused.
        clients: service account → the client ID of its identity. A SecretProviderClass that no pod mounts
            gets the one of the first account.
        tenant: the Entra tenant of the identities.
        vaults: the secrets that an environment may read.

    Returns:
        The objects to apply. Calling this function with them again changes nothing.
    """
    complete = (*manifests, *_missing_accounts(manifests, clients), *_missing_classes(manifests, vaults))
    accounts = _account_by_class(complete, clients)
    results = [_apply_edits(each, tuple(_edits(each, clients, accounts, tenant))) for each in complete]
    return ManifestsWithIdentities(
        manifests=tuple(manifest for manifest, _ in results),
        corrections=tuple(correction for _, corrections in results for correction in corrections),
    )


def missing_class_names(manifests: Sequence[Manifest], vaults: VaultConfig) -> tuple[str, ...]:
    """The names of the `SecretProviderClass`es to generate.

    Args:
        manifests: an overlay's objects.
        vaults: the secrets that an environment may read.

    Returns:
        The names that pods mount, or `DEFAULT_CLASS` if they mount none. Empty if the overlay holds a
        SecretProviderClass, or if the settings name no vault or no secret.
    """
    if not vaults.vaults or not vaults.secret_names:
        return ()
    if any(kind_id(each) == PROVIDER_CLASS for each in manifests):
        return ()
    mounted = (name for found in map(pods, manifests) if found for name in found.mounted)
    # The name of an applied object becomes part of a URL, so only valid names are taken.
    return tuple(dict.fromkeys(name for name in mounted if OBJECT_NAME.fullmatch(name))) or (DEFAULT_CLASS,)


def _missing_accounts(manifests: Sequence[Manifest], clients: Mapping[str, str]) -> Iterator[Manifest]:
    """Service accounts that pods use and the overlay lacks: without its account, a pod never starts."""
    existing = {name_of(each) for each in manifests if kind_id(each) == SERVICE_ACCOUNT}
    used = dict.fromkeys(found.account for found in map(pods, manifests) if found)
    for account in used:
        if account in clients and account not in existing:
            yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(account, manifests)}


def _missing_classes(manifests: Sequence[Manifest], vaults: VaultConfig) -> Iterator[Manifest]:
    """Each also syncs to a Secret of the same name, for containers that read secrets as variables."""
    names = vaults.secret_names
    entries = "".join(f'  - |\n    objectName: "{each}"\n    objectType: secret\n' for each in names)
    for class_name in missing_class_names(manifests, vaults):
        synced = [{"objectName": each, "key": each} for each in names]
        yield {
            "apiVersion": "secrets-store.csi.x-k8s.io/v1",
            "kind": "SecretProviderClass",
            "metadata": _metadata(class_name, manifests),
            "spec": {
                "provider": "azure",
                "parameters": {"keyvaultName": vaults.vaults[0], "objects": f"array:\n{entries}"},
                "secretObjects": [{"secretName": class_name, "type": "Opaque", "data": synced}],
            },
        }


def _metadata(name: str, manifests: Sequence[Manifest]) -> dict[str, str]:
    """A generated object's metadata, in the namespace of the other objects."""
    namespaces = (each["metadata"].get("namespace") for each in manifests)
    namespace = next((each for each in namespaces if each), None)
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def _account_by_class(manifests: Sequence[Manifest], clients: Mapping[str, str]) -> dict[str, str]:
    """`SecretProviderClass` → the service account of the pods that mount it, if it has an identity."""
    accounts: dict[str, str] = {}
    for found in filter(None, map(pods, manifests)):
        if found.account in clients:
            for mounted in found.mounted:
                accounts.setdefault(mounted, found.account)
    return accounts


def _edits(
    manifest: Manifest, clients: Mapping[str, str], accounts: Mapping[str, str], tenant: str
) -> Iterator[_Edit]:
    kind, name = kind_id(manifest), name_of(manifest)
    if kind == SERVICE_ACCOUNT and name in clients:
        yield _Edit(("metadata", "annotations", CLIENT_ID), clients[name])
        yield _Edit(("metadata", "annotations", TENANT_ID), tenant)
    elif kind == PROVIDER_CLASS and clients:
        parameters = mapping(manifest, "spec", "parameters")
        yield _Edit(("spec", "parameters", "clientID"), clients[accounts.get(name, next(iter(clients)))])
        # The provider prefers `tenantID` to `tenantId`, and every version of it knows `tenantId`.
        for key in ("tenantID", "tenantId") if "tenantID" in parameters else ("tenantId",):
            yield _Edit(("spec", "parameters", key), tenant)
        for flag in _FLAGS:
            if str(parameters.get(flag) or "").strip() not in _FALSE:
                yield _Edit(("spec", "parameters", flag), "false")
    elif (found := pods(manifest)) and found.account in clients:
        yield _Edit((*found.template, "metadata", "labels", USE), "true")


def _apply_edits(manifest: Manifest, edits: tuple[_Edit, ...]) -> tuple[Manifest, tuple[str, ...]]:
    corrections: list[str] = []
    result = manifest
    for edit in edits:
        old = value_at(result, *edit.path)
        if old == edit.value:
            continue
        result = _with_value(result, edit.path, edit.value)
        text = "" if old is None else str(old).strip()
        if text not in _PLACEHOLDERS and text.lower() != edit.value.lower():
            subject = f"{manifest['kind']} {name_of(manifest)}"
            corrections.append(f"{subject}: {edit.path[-1]} was {quote(text)}, is {quote(edit.value)}")
    if result is not manifest and kind_id(manifest) == "batch/Job":
        result = _with_template_digest(result)
    return result, tuple(corrections)


def _with_template_digest(job: Manifest) -> Manifest:
    """Update the annotation from which a plan detects a changed Job template, which is immutable."""
    path = ("metadata", "annotations", TEMPLATE)
    return job if value_at(job, *path) is None else _with_value(job, path, template(job))


def _with_value(manifest: Manifest, path: tuple[str, ...], value: str) -> Manifest:
    return edited(manifest, path, lambda _: value)
