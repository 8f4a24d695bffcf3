"""What stands against the way in which pods get at their secrets; judged before the first write.

A pod whose volume cannot be mounted waits for ever in `ContainerCreating`, and says why only in its events.
What can be seen to end so from the manifests alone is refused instead, with what to do.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from coppice.components.application import Manifest
from coppice.manifests.fields import Fields, Malformed, kind_id, mapping, mappings, shown, string, strings
from coppice.manifests.pod_templates import PROVIDER_CLASS, Pods, name, of_kind, pods
from coppice.manifests.rejection import Refusal
from provisioning.secrets import USE, VaultConfig, lacking_classes


def refusals(
    manifests: Sequence[Manifest],
    *,
    accounts: Mapping[str, str],
    vaults: VaultConfig,
    reserved: Collection[str] = (),
) -> tuple[Refusal, ...]:
    """Look for pods that could never reach their secrets.

    Args:
        manifests: what kustomize built, and `check_objects` let through.
        accounts: service account → the pool of its identity.
        vaults: which secrets an environment may ask for.
        reserved: names of Secrets that the program itself writes, which no class that is made may have.

    Returns:
        Every reason found. None means that `provisioning.secrets.point` can point all of them.
    """
    made: list[tuple[str, Pods]] = []
    found: list[Refusal] = []
    for manifest in manifests:
        called = f"{kind_id(manifest)} {name(manifest)}"
        try:
            if each := pods(manifest):
                made.append((called, each))
                found += [Refusal(called, reason) for reason in _unlabelled(manifest, each, accounts)]
        except Malformed as error:
            found.append(Refusal(called, str(error)))
    if found:
        return tuple(found)
    lacking = lacking_classes(manifests, vaults)
    known = {*lacking, *(name(each) for each in manifests if of_kind(each, PROVIDER_CLASS))}
    return (
        *(Refusal(called, reason) for called, each in made for reason in _unmounted(each, accounts, known)),
        *_divided(made, accounts),
        *_overwritten(manifests, lacking, reserved),
    )


def _unlabelled(manifest: Manifest, made: Pods, accounts: Mapping[str, str]) -> Iterator[str]:
    """Where the label that pods need would part them from their own workload."""
    mapping(manifest, *made.template, "metadata", "labels")
    if made.account in accounts and not _selects(mapping(manifest, "spec", "selector")):
        yield (
            f"its selector leaves out pods with the label {USE}=true, which pods of service account "
            f"{made.account} get; take that label out of the selector"
        )


def _selects(selector: Fields) -> bool:
    """Whether a workload's selector takes in the label, whatever else it asks for."""
    if mapping(selector, "matchLabels").get(USE, "true") != "true":
        return False
    for expression in mappings(selector, "matchExpressions"):
        listed = "true" in strings(expression, "values")
        fits = {"In": listed, "NotIn": not listed, "DoesNotExist": False}
        if string(expression, "key") == USE and not fits.get(string(expression, "operator"), True):
            return False
    return True


def _unmounted(made: Pods, accounts: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """Where a volume has no class, or the class no identity."""
    for mounted in dict.fromkeys(made.mounted):
        if not mounted:
            yield "a volume of the secrets store names no secretProviderClass"
        elif mounted not in known:
            yield (
                f"its pods mount the SecretProviderClass {shown(mounted)}, which the overlay does not hold; "
                "add it. One is made only for an overlay that holds none, if KEY_VAULTS names a vault and "
                "KEY_VAULT_OBJECTS a secret without * or ?"
            )
    if made.mounted and made.account not in accounts:
        yield (
            f"its pods mount secrets as service account {made.account}, which has no credential; set "
            f"serviceAccountName to one of SERVICE_ACCOUNTS ({', '.join(accounts)}), or add it there"
        )


def _divided(made: Sequence[tuple[str, Pods]], accounts: Mapping[str, str]) -> Iterator[Refusal]:
    """Classes that would have to name two client ids at once."""
    mounting: dict[str, dict[str, str]] = {}
    for _, each in made:
        for mounted in each.mounted:
            if each.account in accounts:
                mounting.setdefault(mounted, {})[each.account] = accounts[each.account]
    for mounted, pools in mounting.items():
        if len(set(pools.values())) > 1:
            yield Refusal(
                f"{PROVIDER_CLASS} {mounted}",
                f"is mounted by pods of {' and '.join(pools)}, whose identities come from different pools, "
                "and it can name one identity; give each account a class of its own",
            )


def _overwritten(
    manifests: Sequence[Manifest], lacking: Sequence[str], reserved: Collection[str]
) -> Iterator[Refusal]:
    """Classes that would copy what they read over a Secret that is somebody else's. That those of the overlay
    name none of `reserved` has been judged with the names of all its objects.
    """
    shipped = {name(each) for each in manifests if of_kind(each, "Secret")}
    for provider in (each for each in manifests if of_kind(each, PROVIDER_CLASS)):
        for copied in mappings(mapping(provider, "spec"), "secretObjects"):
            if (secret := string(copied, "secretName")) in shipped:
                yield Refusal(
                    f"{PROVIDER_CLASS} {name(provider)}",
                    f"its secretObjects would write the Secret {secret}, which the overlay holds as well; "
                    "call one of them otherwise",
                )
    for made in lacking:
        if made in {*shipped, *reserved}:
            whose = (
                "which the overlay holds" if made in shipped else "in which the database's login is delivered"
            )
            yield Refusal(
                f"{PROVIDER_CLASS} {made}",
                "is made for this overlay, which holds none, and would write the Secret of the same name, "
                f"{whose}; mount a class of another name, or add one",
            )
