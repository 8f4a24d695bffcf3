"""Restricts a SecretProviderClass to the vaults and objects that are meant for branches.

Branches share identities, so an identity may read more than one branch should see. So the names of vaults and
of the objects in them are checked against allow-lists. The parameters that say who reads (`clientID`,
`tenantId`, and the two flags for the node's identity) are overwritten by `provisioning.secrets`.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from coppice.manifests.documents import BadYaml, load
from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, quote, string, strings
from provisioning.admission.policy import AdmissionPolicy

# https://azure.github.io/secrets-store-csi-driver-provider-azure/docs/getting-started/usage/
_PARAMETERS = frozenset(
    {
        "clientID",
        "cloudName",
        "keyvaultName",
        "objects",
        "resourceGroup",
        "subscriptionId",
        "tenantID",
        "tenantId",
        "usePodIdentity",
        "useVMManagedIdentity",
        "userAssignedIdentityID",  # has an effect only together with one of the two flags
    }
)
_OBJECT_FIELDS = frozenset(
    {
        "filePermission",
        "objectAlias",
        "objectEncoding",
        "objectFormat",
        "objectName",
        "objectNotAfter",
        "objectType",
        "objectVersion",
        "objectVersionHistory",
    }
)
_MAX_NODES = 10_000
_MAX_OBJECTS = 200

# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates. Any other text might be
# trimmed, or read as part of a path, and so become another name after the check.
SECRET_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
"""The names that Key Vault allows for secrets, keys and certificates."""

_VERSION = re.compile(r"[0-9A-Za-z]*")

# https://github.com/Azure/go-autorest/blob/main/autorest/azure/environments.go; case does not matter.
# AzureStackCloud is missing because its addresses come from a file of the node.
_CLOUDS = frozenset(
    {"", "azurecloud", "azurepubliccloud", "azurechinacloud", "azureusgovernment", "azureusgovernmentcloud"}
)


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """Check a SecretProviderClass."""
    if kind_id(obj) != "secrets-store.csi.x-k8s.io/SecretProviderClass":
        return
    spec = mapping(obj, "spec")
    parameters = mapping(spec, "parameters")
    if string(spec, "provider") != "azure":
        yield f"its provider is {quote(spec.get('provider'))}, not 'azure'"
    for name in sorted(set(parameters) - _PARAMETERS):
        yield f"its parameter {quote(name)} is not let through"
    for name in ("clientID", "tenantID", "tenantId", "usePodIdentity", "useVMManagedIdentity"):
        string(parameters, name)
    if string(parameters, "cloudName").lower() not in _CLOUDS:
        yield f"its cloudName {quote(parameters['cloudName'])} is none of Azure's own clouds"
    # Key Vault ignores case in the names of vaults and of objects.
    vault = string(parameters, "keyvaultName")
    if vault.lower() not in {each.lower() for each in policy.key_vaults}:
        allowed = ", ".join(sorted(policy.key_vaults)) or "none"
        if vault:
            yield f"the vault {quote(vault)} is not in KEY_VAULTS ({allowed})"
        else:
            yield f"parameters.keyvaultName is missing: name one of KEY_VAULTS ({allowed})"
    for name in _object_names(string(parameters, "objects")):
        if not any(fnmatchcase(name.lower(), glob.lower()) for glob in policy.key_vault_objects):
            globs = ", ".join(sorted(policy.key_vault_objects))
            yield f"the vault's object {quote(name)} matches nothing in KEY_VAULT_OBJECTS ({globs})"


def _object_names(objects: str) -> Iterator[str]:
    """The names in `objects`: YAML with a list under `array`, whose items are YAML documents as well."""
    array = _map(objects, "parameters.objects")
    if set(array) != {"array"}:
        raise Malformed("parameters.objects must be a map with a list under 'array'")
    if isinstance(array["array"], list) and len(array["array"]) > _MAX_OBJECTS:
        raise Malformed(f"parameters.objects has more than {_MAX_OBJECTS} objects")
    for item in array["array"] if isinstance(array["array"], list) else strings(array, "array"):
        entry = item if isinstance(item, dict) else _map(item, "an object in parameters.objects")
        if unknown := sorted(map(str, set(entry) - _OBJECT_FIELDS)):
            raise Malformed(
                f"an object in parameters.objects has {quote(unknown[0])}, which is not let through"
            )
        name = string(entry, "objectName")
        if not name:
            raise Malformed("an object in parameters.objects has no objectName")
        if not SECRET_NAME.fullmatch(name):
            raise Malformed(
                f"parameters.objects has the objectName {quote(name)}; letters, digits and '-' make a name"
            )
        if not _VERSION.fullmatch(string(entry, "objectVersion")):
            raise Malformed(
                f"parameters.objects has the objectVersion {quote(entry['objectVersion'])}; "
                "letters and digits make a version"
            )
        yield name


def _map(text: object, subject: str) -> Fields:
    if not isinstance(text, str):
        raise Malformed(f"{subject} must be YAML in a string")
    try:
        value = load(text, nodes=_MAX_NODES)
    except BadYaml as error:
        raise Malformed(f"{subject} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise Malformed(f"{subject} must be a map")
    return value
