"""A branch reads no secrets but those meant for branches.

Branches share identities, so an identity may read more than one branch should see. Hence vaults and the names
of what lies in them are held against allow-lists. `clientID` and `tenantId` are set anew when it is applied.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from provisioning.guard.documents import BadYaml, load
from provisioning.guard.fields import Fields, Malformed, mapping, shown, string, strings
from provisioning.guard.rules import Rules, kind_id

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
        "objectType",
        "objectVersion",
        "objectVersionHistory",
    }
)
_MOST_NODES = 10_000


def refusals(obj: Fields, rules: Rules) -> Iterator[str]:
    """What stands against a SecretProviderClass."""
    if kind_id(obj) != "secrets-store.csi.x-k8s.io/SecretProviderClass":
        return
    spec = mapping(obj, "spec")
    parameters = mapping(spec, "parameters")
    if string(spec, "provider") != "azure":
        yield f"its provider is {shown(spec.get('provider'))}, not 'azure'"
    for name in sorted(set(parameters) - _PARAMETERS):
        yield f"its parameter {shown(name)} is not let through"
    for name in ("usePodIdentity", "useVMManagedIdentity"):
        if string(parameters, name) not in {"", "false"}:
            yield f"{name} would use another identity than the environment's"
    vault = string(parameters, "keyvaultName")
    if vault not in rules.key_vaults:
        known = ", ".join(sorted(rules.key_vaults)) or "none"
        yield f"the vault {shown(vault)} is not in KEY_VAULTS ({known})"
    for name in _object_names(string(parameters, "objects")):
        if not any(fnmatchcase(name, glob) for glob in rules.key_vault_objects):
            globs = ", ".join(sorted(rules.key_vault_objects))
            yield f"the vault's object {shown(name)} matches nothing in KEY_VAULT_OBJECTS ({globs})"


def _object_names(objects: str) -> Iterator[str]:
    """The names in `objects`: YAML that holds a list under `array`, each item of it YAML in turn."""
    array = _map(objects, "parameters.objects")
    if set(array) != {"array"}:
        raise Malformed("parameters.objects must be a map with a list under 'array'")
    for item in array["array"] if isinstance(array["array"], list) else strings(array, "array"):
        entry = item if isinstance(item, dict) else _map(item, "an object in parameters.objects")
        if unknown := sorted(map(str, set(entry) - _OBJECT)):
            raise Malformed(
                f"an object in parameters.objects has {shown(unknown[0])}, which is not let through"
            )
        name = string(entry, "objectName")
        if not name:
            raise Malformed("an object in parameters.objects has no objectName")
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
