"""Points service accounts, secret providers and pods at the identity that holds the branch's credential.

Which identity that is, is known only when it is chosen, so an overlay cannot say it. What it says instead, a
placeholder or the identity of another environment, is corrected, and what is replaced is told. The whole
chain, and what is refused instead: docs/secrets.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coppice.components.application import TEMPLATE, Manifest, template
from coppice.manifests.fields import mapping, shown
from coppice.manifests.pod_templates import PROVIDER_CLASS, SERVICE_ACCOUNT, name, of_kind, pods

# https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
CLIENT_ID = "azure.workload.identity/client-id"
TENANT_ID = "azure.workload.identity/tenant-id"
USE = "azure.workload.identity/use"

# The name of the `SecretProviderClass` that is made if no pod asks for one by name.
DEFAULT_CLASS = "branch-secrets"

_PLACEHOLDERS = {"", "00000000-0000-0000-0000-000000000000"}
# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
_SECRET_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_OBJECT_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
# What Go's strconv.ParseBool takes for false: the provider reads its flags with it.
_FALSE = {"", "0", "f", "F", "false", "False", "FALSE"}
_FLAGS = ("usePodIdentity", "useVMManagedIdentity")


@dataclass(frozen=True, kw_only=True)
class VaultConfig:
    """Which secrets an environment may ask for.

    Attributes:
        vaults: names of the vaults that it may read; the first is the vault of a class that is made.
            Setting `KEY_VAULTS`.
        objects: globs of what it may read there, compared without case. Setting `KEY_VAULT_OBJECTS`.
    """

    vaults: tuple[str, ...]
    objects: tuple[str, ...]

    @property
    def plain(self) -> tuple[str, ...]:
        """The objects that are names of secrets, and no globs."""
        return tuple(each for each in dict.fromkeys(self.objects) if _SECRET_NAME.fullmatch(each))


@dataclass(frozen=True, kw_only=True)
class Pointed:
    """Objects that name the right identity.

    Attributes:
        manifests: the objects, in the order given, and those that were lacking after them.
        corrections: a sentence for each value of the overlay's own that was replaced.
    """

    manifests: tuple[Manifest, ...]
    corrections: tuple[str, ...]


@dataclass(frozen=True)
class _Edit:
    path: tuple[str, ...]
    value: str


def with_identities(
    manifests: Sequence[Manifest], *, clients: Mapping[str, str], tenant: str, vaults: VaultConfig
) -> Pointed:
    """Point service accounts, secret providers and pods at the identity that holds their credential.

    Args:
        manifests: what an overlay holds, which `provisioning.mounts` had nothing against.
        clients: service account → the client id of its identity; the first account's is the one of a secret
            provider that no pod mounts.
        tenant: the Entra tenant of the identities.
        vaults: which secrets an environment may ask for.

    Returns:
        The objects to apply. Pointing them again changes nothing.
    """
    whole = (*manifests, *_accounts(manifests, clients), *_classes(manifests, vaults))
    mounting = _mounting(whole, clients)
    pointed = [_pointed(each, tuple(_edits(each, clients, mounting, tenant))) for each in whole]
    return Pointed(
        manifests=tuple(manifest for manifest, _ in pointed),
        corrections=tuple(said for _, corrections in pointed for said in corrections),
    )


def lacking_classes(manifests: Sequence[Manifest], vaults: VaultConfig) -> tuple[str, ...]:
    """The names of the `SecretProviderClass`es that are made for an overlay that holds none."""
    if not vaults.vaults or not vaults.plain or any(of_kind(each, PROVIDER_CLASS) for each in manifests):
        return ()
    mounted = (each for manifest in manifests for each in _mounted(manifest))
    # Whatever becomes the name of an object of ours becomes part of a URL.
    return tuple(dict.fromkeys(each for each in mounted if _OBJECT_NAME.fullmatch(each))) or (DEFAULT_CLASS,)


def _mounted(manifest: Manifest) -> tuple[str, ...]:
    found = pods(manifest)
    return found.mounted if found else ()


def _accounts(manifests: Sequence[Manifest], clients: Mapping[str, str]) -> Iterator[Manifest]:
    """Accounts that pods run as and nobody ships: a pod whose account does not exist never starts."""
    shipped = {name(each) for each in manifests if of_kind(each, SERVICE_ACCOUNT)}
    used = dict.fromkeys(found.account for found in map(pods, manifests) if found)
    for account in used:
        if account in clients and account not in shipped:
            yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(account, manifests)}


def _classes(manifests: Sequence[Manifest], vaults: VaultConfig) -> Iterator[Manifest]:
    """Each with a copy of its secrets in a Secret of the same name, for those who read them as variables."""
    entries = "".join(f'  - |\n    objectName: "{each}"\n    objectType: secret\n' for each in vaults.plain)
    for lacking in lacking_classes(manifests, vaults):
        copied = [{"objectName": each, "key": each} for each in vaults.plain]
        yield {
            "apiVersion": "secrets-store.csi.x-k8s.io/v1",
            "kind": "SecretProviderClass",
            "metadata": _metadata(lacking, manifests),
            "spec": {
                "provider": "azure",
                "parameters": {"keyvaultName": vaults.vaults[0], "objects": f"array:\n{entries}"},
                "secretObjects": [{"secretName": lacking, "type": "Opaque", "data": copied}],
            },
        }


def _metadata(called: str, manifests: Sequence[Manifest]) -> dict[str, str]:
    """In the namespace that all of them are in."""
    namespaces = (each["metadata"].get("namespace") for each in manifests)
    namespace = next((each for each in namespaces if each), None)
    return {"name": called, **({"namespace": namespace} if namespace else {})}


def _mounting(manifests: Sequence[Manifest], clients: Mapping[str, str]) -> dict[str, str]:
    """`SecretProviderClass` → the account of the pods that mount it, of those that have an identity."""
    found: dict[str, str] = {}
    for each in filter(None, map(pods, manifests)):
        if each.account in clients:
            found.update({mounted: each.account for mounted in each.mounted if mounted not in found})
    return found


def _edits(
    manifest: Manifest, clients: Mapping[str, str], mounting: Mapping[str, str], tenant: str
) -> Iterator[_Edit]:
    called = name(manifest)
    if of_kind(manifest, SERVICE_ACCOUNT) and called in clients:
        yield _Edit(("metadata", "annotations", CLIENT_ID), clients[called])
        yield _Edit(("metadata", "annotations", TENANT_ID), tenant)
    elif of_kind(manifest, PROVIDER_CLASS) and clients:
        parameters = mapping(manifest, "spec", "parameters")
        yield _Edit(("spec", "parameters", "clientID"), clients[mounting.get(called, next(iter(clients)))])
        # The provider reads `tenantID` first, and `tenantId`, which every version knows, after it.
        for key in ("tenantID", "tenantId") if "tenantID" in parameters else ("tenantId",):
            yield _Edit(("spec", "parameters", key), tenant)
        for flag in _FLAGS:
            if str(parameters.get(flag) or "").strip() not in _FALSE:
                yield _Edit(("spec", "parameters", flag), "false")
    elif (made := pods(manifest)) and made.account in clients:
        yield _Edit((*made.template, "metadata", "labels", USE), "true")


def _pointed(manifest: Manifest, edits: tuple[_Edit, ...]) -> tuple[Manifest, tuple[str, ...]]:
    corrections: list[str] = []
    pointed = manifest
    for edit in edits:
        was = _at(pointed, edit.path)
        if was == edit.value:
            continue
        pointed = _put(pointed, edit.path, edit.value)
        text = "" if was is None else str(was).strip()
        if text not in _PLACEHOLDERS and text.lower() != edit.value.lower():
            called = f"{manifest['kind']} {name(manifest)}"
            corrections.append(f"{called}: {edit.path[-1]} was {shown(text)}, is {shown(edit.value)}")
    if pointed is not manifest and of_kind(manifest, "batch/Job"):
        pointed = _noted(pointed)
    return pointed, tuple(corrections)


def _noted(job: Manifest) -> Manifest:
    """A Job with its note renewed: its template is immutable, and a plan compares notes to see a change."""
    path = ("metadata", "annotations", TEMPLATE)
    return job if _at(job, path) is None else _put(job, path, template(job))


def _at(holder: Any, path: tuple[str, ...]) -> Any:
    for field in path:
        holder = (holder or {}).get(field)
    return holder


def _put(holder: Manifest, path: tuple[str, ...], value: str) -> Manifest:
    """The same object with one field set; the original stays as it was."""
    first, *rest = path
    return {**holder, first: _put(holder.get(first) or {}, tuple(rest), value) if rest else value}
