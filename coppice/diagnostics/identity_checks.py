"""The last links of a chain: which client ids a service account and the `SecretProviderClass`es of its pods
name. Entra looks for a credential on the identity that was named, and on no other.
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
    """A link that does not hold.

    Args:
        code: which one, for machines.
        why: what was found and what to do, for people.
    """

    code: str
    why: str


@dataclass(frozen=True, kw_only=True)
class ProviderClass:
    """A `SecretProviderClass`: as whom the CSI driver signs in for pods that mount it, whatever their account
    says.

    Args:
        name: its name.
        client_id: the client id that it names; empty if none.
        tenant: the tenant that it names; empty if none.
        accounts: those of the pods that mount it, of the service accounts that have an identity; none if
            nothing stands that makes such pods.
    """

    name: str
    client_id: str
    tenant: str
    accounts: Collection[str] = ()


def of_account(
    classes: Iterable[ProviderClass], account: str, *, accounts: Collection[str]
) -> tuple[ProviderClass, ...]:
    """The classes that matter to the pods of an account; one that no pod mounts belongs to the first account,
    for as that it was applied.

    Args:
        classes: those of the environment.
        account: the service account.
        accounts: all that have an identity, in the order of the settings.
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
    """Whether a service account names another identity than the one that lets it in.

    Args:
        account: the service account.
        named: the client id that its annotation names.
        ref: the identity that holds its credential.
        identities: those that the environment has or may have.
        observed: what was observed of the branch.
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
    """Whether a class names another identity than the one that lets the pods in that mount it, or another
    tenant.

    Args:
        classes: those of a service account.
        ref: the identity that holds its credential.
        identities: those that the environment has or may have.
        chosen: those that the environment has: a class that no pod mounts may name any of them.
        tenant: the tenant of all of them; empty if it is not known.
        observed: what was observed of the branch.
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
    """Client id → the identity that it is of."""
    return {found.client_id: found.ref for each in identities.values() if (found := present(each))}


def _said(client_id: str, owners: Mapping[str, str]) -> str:
    whose = f"that of {owners[client_id]}" if client_id in owners else "no identity of ours"
    return f"names client id {client_id}, {whose}"
