"""Refuses pods that could never mount their secrets, before the first write.

A pod whose volume cannot be mounted stays in `ContainerCreating` for ever, and only its events say why. If
the manifests alone show that this will happen, the overlay is refused with what to do instead.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from coppice.components.application import Manifest
from coppice.manifests.fields import (
    Fields,
    Malformed,
    display_name,
    kind_id,
    mapping,
    mappings,
    name_of,
    quote,
    string,
    strings,
)
from coppice.manifests.pod_templates import PROVIDER_CLASS, Pods, pods
from coppice.manifests.rejection import Refusal
from provisioning.secrets import USE, VaultConfig, missing_class_names


def refusals(
    manifests: Sequence[Manifest],
    *,
    accounts: Mapping[str, str],
    vaults: VaultConfig,
    reserved: Collection[str] = (),
) -> tuple[Refusal, ...]:
    """Find pods that could never mount their secrets.

    Args:
        manifests: the objects that kustomize built and `check_objects` has not refused.
        accounts: service account → the pool of its identity.
        vaults: the secrets that an environment may read.
        reserved: names of Secrets that the program itself writes, and that no generated SecretProviderClass
            may sync to.

    Returns:
        Every reason found. If there is none, `provisioning.secrets.with_identities` can take the objects.
    """
    workloads: list[tuple[str, Pods]] = []
    malformed: list[Refusal] = []
    for manifest in manifests:
        subject = display_name(manifest)
        try:
            if found := pods(manifest):
                workloads.append((subject, found))
                malformed += [
                    Refusal(subject, reason) for reason in _label_reasons(manifest, found, accounts)
                ]
        except Malformed as error:
            malformed.append(Refusal(subject, str(error)))
    if malformed:
        return tuple(malformed)
    generated = missing_class_names(manifests, vaults)
    classes = {*generated, *(name_of(each) for each in manifests if kind_id(each) == PROVIDER_CLASS)}
    return (
        *(
            Refusal(subject, reason)
            for subject, found in workloads
            for reason in _mount_reasons(found, accounts, classes)
        ),
        *_ambiguous_identities(workloads, accounts),
        *_overwritten_secrets(manifests, generated, reserved),
    )


def _label_reasons(manifest: Manifest, found: Pods, accounts: Mapping[str, str]) -> Iterator[str]:
    """Why the pods cannot get the label of workload identity: their workload's selector excludes it."""
    mapping(manifest, *found.template, "metadata", "labels")
    if found.account in accounts and not _selector_admits_label(mapping(manifest, "spec", "selector")):
        yield (
            f"its selector leaves out pods with the label {USE}=true, which pods of service account "
            f"{found.account} get; take that label out of the selector"
        )


def _selector_admits_label(selector: Fields) -> bool:
    """Whether a selector can match pods with the label of workload identity."""
    if mapping(selector, "matchLabels").get(USE, "true") != "true":
        return False
    for expression in mappings(selector, "matchExpressions"):
        listed = "true" in strings(expression, "values")
        matches = {"In": listed, "NotIn": not listed, "DoesNotExist": False}
        if string(expression, "key") == USE and not matches.get(string(expression, "operator"), True):
            return False
    return True


def _mount_reasons(found: Pods, accounts: Mapping[str, str], classes: Collection[str]) -> Iterator[str]:
    """Why the volumes of pods cannot be mounted: no SecretProviderClass, or an account without identity."""
    for mounted in dict.fromkeys(found.mounted):
        if not mounted:
            yield "a volume of the secrets store names no secretProviderClass"
        elif mounted not in classes:
            yield (
                f"its pods mount the SecretProviderClass {quote(mounted)}, which the overlay does not hold; "
                "add it. One is made only for an overlay that holds none, if KEY_VAULTS names a vault and "
                "KEY_VAULT_OBJECTS a secret without * or ?"
            )
    if found.mounted and found.account not in accounts:
        yield (
            f"its pods mount secrets as service account {found.account}, which has no credential; set "
            f"serviceAccountName to one of SERVICE_ACCOUNTS ({', '.join(accounts)}), or add it there"
        )


def _ambiguous_identities(
    workloads: Sequence[tuple[str, Pods]], accounts: Mapping[str, str]
) -> Iterator[Refusal]:
    """SecretProviderClasses that pods with different identities mount; a class holds one client ID."""
    pools_by_class: dict[str, dict[str, str]] = {}
    for _, found in workloads:
        for mounted in found.mounted:
            if found.account in accounts:
                pools_by_class.setdefault(mounted, {})[found.account] = accounts[found.account]
    for mounted, pools in pools_by_class.items():
        if len(set(pools.values())) > 1:
            yield Refusal(
                f"{PROVIDER_CLASS} {mounted}",
                f"is mounted by pods of {' and '.join(pools)}, whose identities come from different pools, "
                "and it can name one identity; give each account a class of its own",
            )


def _overwritten_secrets(
    manifests: Sequence[Manifest], generated: Sequence[str], reserved: Collection[str]
) -> Iterator[Refusal]:
    """SecretProviderClasses that sync to a Secret with another owner.

    `provisioning.admission.reserved` refuses the overlay's own classes that sync to a reserved Secret.
    """
    shipped = {name_of(each) for each in manifests if kind_id(each) == "Secret"}
    for provider_class in (each for each in manifests if kind_id(each) == PROVIDER_CLASS):
        for synced in mappings(mapping(provider_class, "spec"), "secretObjects"):
            if (secret := string(synced, "secretName")) in shipped:
                yield Refusal(
                    f"{PROVIDER_CLASS} {name_of(provider_class)}",
                    f"its secretObjects would write the Secret {secret}, which the overlay holds as well; "
                    "call one of them otherwise",
                )
    for name in generated:
        if name in {*shipped, *reserved}:
            whose = (
                "which the overlay holds" if name in shipped else "in which the database's login is delivered"
            )
            yield Refusal(
                f"{PROVIDER_CLASS} {name}",
                "is made for this overlay, which holds none, and would write the Secret of the same name, "
                f"{whose}; mount a class of another name, or add one",
            )
