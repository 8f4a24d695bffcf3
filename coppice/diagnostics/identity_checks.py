"""Checks of the client IDs that a service account and the `SecretProviderClass`es of its pods name.

These are the last links of an identity chain. Entra searches only the named identity for a credential.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from coppice.components.federated_identity import Identity
from coppice.components.observed import Observed
from coppice.components.slots import NOT_LOOKED_AT
from coppice.environment.references import ObjectRef
from coppice.reconciler.observation import Absent, Reading, Unknown, present

ANNOTATION = "azure.workload.identity/client-id"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A broken link of an identity chain.

    Args:
        code: which link is broken, for machines.
        why: what was found and what to do, for people.
    """

    code: str
    why: str


@dataclass(frozen=True, kw_only=True)
class ProviderClass:
    """A `SecretProviderClass`. The CSI driver signs in with its client ID for pods that mount it.

    The client ID of the pods' service account does not matter there.

    Args:
        name: its name.
        client_id: the client ID that it names; empty if none.
        tenant: the tenant that it names; empty if none.
        accounts: the service accounts of the pods that mount it, as far as these accounts have an identity;
            empty if no existing object creates such pods.
    """

    name: str
    client_id: str
    tenant: str
    accounts: Collection[str] = ()


def of_account(
    classes: Iterable[ProviderClass], account: str, *, accounts: Collection[str]
) -> tuple[ProviderClass, ...]:
    """Return the classes that matter to the pods of a service account.

    Args:
        classes: the classes of the environment.
        account: the service account.
        accounts: all service accounts that have an identity, in the order of the settings.

    Returns:
        The classes that pods of the account mount. A class that no pod mounts belongs to the first account,
        because it was applied with the identity of that account.
    """
    first = next(iter(accounts), "")
    return tuple(
        each for each in classes if account in each.accounts or (account == first and not each.accounts)
    )


def check_service_account(
    account: str,
    named: Reading[str],
    ref: str,
    identities: Mapping[str, Reading[Identity]],
    observed: Observed,
) -> Finding | None:
    """Check that a service account names the identity that holds its credential.

    Args:
        account: the service account.
        named: the client ID in its annotation.
        ref: the identity that holds its credential.
        identities: the identities that the environment has or may have.
        observed: the observation of the branch.

    Returns:
        The finding, also if reading the account failed. `None` if the account names that identity, if the
        account was not read at all, or if the client ID of the identity is not known.
    """
    at = f"service account {observed.name.namespace}/{account}"
    match named:
        case Absent():
            record = observed.recorded.record
            shipped = record is not None and ObjectRef("v1", "ServiceAccount", account) in record.inventory
            if shipped:
                helps = (
                    f"the overlay ships it, and PUT /api/environments/{observed.key.branch} applies it anew"
                )
            else:
                helps = "the overlay has to ship it, or SERVICE_ACCOUNTS to name another"
            return Finding(code="no_account", why=f"{at} does not stand: {helps}")
        case Unknown(error):
            unasked = named is NOT_LOOKED_AT
            return None if unasked else Finding(code="unread", why=f"{at} was not read: {error.message}")
    owners = _owners(identities)
    wanted = next((client_id for client_id, owner in owners.items() if owner == ref), "")
    if not wanted or named.value == wanted:
        return None
    said = _said(named.value, owners) if named.value else f"has no annotation {ANNOTATION}"
    why = (
        f"{at} {said}, and the credential is on {ref} ({wanted}): PUT /api/environments/{observed.key.branch}"
    )
    return Finding(
        code="other_client_id", why=f"{why} corrects it; pods that run keep what they started with"
    )


def check_provider_classes(
    classes: Iterable[ProviderClass],
    ref: str,
    identities: Mapping[str, Reading[Identity]],
    *,
    chosen: Collection[str],
    tenant: str,
    observed: Observed,
) -> Finding | None:
    """Check that classes name the identity and the tenant that let the pods sign in that mount them.

    Args:
        classes: the classes of a service account.
        ref: the identity that holds its credential.
        identities: the identities that the environment has or may have.
        chosen: the identities that the environment has. A class that no pod mounts may name any of them.
        tenant: the tenant of all identities; empty if it is not known.
        observed: the observation of the branch.

    Returns:
        The finding for the first class that names another identity or tenant; `None` if there is none.
    """
    owners = _owners(identities)
    again = (
        f"PUT /api/environments/{observed.key.branch} corrects it, and the kubelet then mounts it by itself"
    )
    for each in classes:
        at = f"SecretProviderClass {observed.name.namespace}/{each.name}"
        allowed = {ref} if each.accounts else {ref, *chosen}
        read = set(owners.values()) & allowed == allowed
        if read and owners.get(each.client_id) not in allowed:
            wanted = next(client_id for client_id, owner in owners.items() if owner == ref)
            said = _said(each.client_id, owners) if each.client_id else "has no clientID"
            why = f"{at} {said}, and the credential is on {ref} ({wanted}): {again}"
            return Finding(code="other_class", why=why)
        if tenant and each.tenant != tenant:
            said = f"names tenant {each.tenant}" if each.tenant else "has no tenantId"
            return Finding(code="other_tenant", why=f"{at} {said}, and the identity is in {tenant}: {again}")
    return None


def _owners(identities: Mapping[str, Reading[Identity]]) -> Mapping[str, str]:
    """Return client ID → the identity that has it."""
    return {found.client_id: found.ref for each in identities.values() if (found := present(each))}


def _said(client_id: str, owners: Mapping[str, str]) -> str:
    whose = f"that of {owners[client_id]}" if client_id in owners else "no identity of ours"
    return f"names client id {client_id}, {whose}"
