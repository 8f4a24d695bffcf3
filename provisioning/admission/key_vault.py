"""A branch reads no secrets but those meant for branches.

Branches share identities, so an identity may read more than one branch should see. Hence vaults and the names
of what lies in them are held against allow-lists. Who reads (`clientID`, `tenantId`, the two flags that would
use the node's identity) is set anew when it is applied: `provisioning.secrets`.
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
        "userAssignedIdentityID",  # read only with one of the two before
    }
)
_OBJECT = frozenset(
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
_MOST_NODES = 10_000
_MOST_OBJECTS = 200

# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates: what is no such name
# might be trimmed, or read as part of a path, and so become another name after it was judged.
_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_VERSION = re.compile(r"[0-9A-Za-z]*")

# https://github.com/Azure/go-autorest/blob/main/autorest/azure/environments.go, told apart without case. Not
# AzureStackCloud, whose addresses come from a file of the node.
_CLOUDS = frozenset(
    {"", "azurecloud", "azurepubliccloud", "azurechinacloud", "azureusgovernment", "azureusgovernmentcloud"}
)


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """What stands against a SecretProviderClass."""
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
    # Key Vault itself tells no name apart by case, neither of a vault nor of what lies in it.
    vault = string(parameters, "keyvaultName")
    if vault.lower() not in {known.lower() for known in policy.key_vaults}:
        known = ", ".join(sorted(policy.key_vaults)) or "none"
        if vault:
            yield f"the vault {quote(vault)} is not in KEY_VAULTS ({known})"
        else:
            yield f"parameters.keyvaultName is missing: name one of KEY_VAULTS ({known})"
    for name in _object_names(string(parameters, "objects")):
        if not any(fnmatchcase(name.lower(), glob.lower()) for glob in policy.key_vault_objects):
            globs = ", ".join(sorted(policy.key_vault_objects))
            yield f"the vault's object {quote(name)} matches nothing in KEY_VAULT_OBJECTS ({globs})"


def _object_names(objects: str) -> Iterator[str]:
    """The names in `objects`: YAML that holds a list under `array`, each item of it YAML in turn."""
    array = _map(objects, "parameters.objects")
    if set(array) != {"array"}:
        raise Malformed("parameters.objects must be a map with a list under 'array'")
    if isinstance(array["array"], list) and len(array["array"]) > _MOST_OBJECTS:
        raise Malformed(f"parameters.objects has more than {_MOST_OBJECTS} objects")
    for item in array["array"] if isinstance(array["array"], list) else strings(array, "array"):
        entry = item if isinstance(item, dict) else _map(item, "an object in parameters.objects")
        if unknown := sorted(map(str, set(entry) - _OBJECT)):
            raise Malformed(
                f"an object in parameters.objects has {quote(unknown[0])}, which is not let through"
            )
        name = string(entry, "objectName")
        if not name:
            raise Malformed("an object in parameters.objects has no objectName")
        if not _NAME.fullmatch(name):
            raise Malformed(
                f"parameters.objects has the objectName {quote(name)}; letters, digits and '-' make a name"
            )
        if not _VERSION.fullmatch(string(entry, "objectVersion")):
            raise Malformed(
                f"parameters.objects has the objectVersion {quote(entry['objectVersion'])}; "
                "letters and digits make a version"
            )
        yield name


def _map(text: object, called: str) -> Fields:
    if not isinstance(text, str):
        raise Malformed(f"{called} must be YAML in a string")
    try:
        value = load(text, nodes=_MOST_NODES)
    except BadYaml as error:
        raise Malformed(f"{called} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise Malformed(f"{called} must be a map")
    return value
