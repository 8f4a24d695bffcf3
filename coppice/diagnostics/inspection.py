"""A closer look at one branch, which only an explanation takes: the objects that stand, since when, and the
chain from each service account to its identity.

A run needs none of it, and its calls are many: one for each object, two for each identity.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from coppice.components.federated_identity import IdentityReader
from coppice.components.login import login_reference
from coppice.diagnostics.identity_chain import Chain, chains, own_record
from coppice.diagnostics.identity_checks import ProviderClass
from coppice.environment.config import Rules
from coppice.environment.records import ObjectRef
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import Absent, Reading, Standing, Unknown, read, standing

PROVIDER_CLASS = "SecretProviderClass"


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """An object that stands.

    Args:
        ref: which.
        created: since when; `None` if the API server did not say.
        client_id: the client id that it names, if it is a service account or a `SecretProviderClass` that
            names one.
        tenant: the tenant that it names, if it is a `SecretProviderClass` that names one.
        account: the service account that its pods run as, if it makes any.
        mounted: the `SecretProviderClass`es that its pods mount.
    """

    ref: ObjectRef
    created: datetime | None
    client_id: str = ""
    tenant: str = ""
    account: str = ""
    mounted: tuple[str, ...] = ()


class ObjectReader(Protocol):
    """Looks at objects of an environment's namespace, and reads nothing that they hold."""

    def sightings(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[Sighting, ...]:
        """Those of the objects that stand; a call for each."""


@dataclass(frozen=True, kw_only=True)
class Closer:
    """What a closer look has shown.

    Args:
        objects: those of its inventory that stand, and its service accounts.
        chains: the chain of each service account.
        login: the Secret that its database's login is delivered in; empty if branches get no databases.
    """

    objects: Reading[tuple[Sighting, ...]]
    chains: tuple[Chain, ...] = ()
    login: str = ""


def closer(
    seen: Observed, *, rules: Rules, identities: IdentityReader, objects: ObjectReader, now: datetime
) -> Closer:
    """Take a closer look.

    Args:
        seen: what was observed of the branch.
        rules: what decides about branches.
        identities: reads identities.
        objects: reads objects.
        now: the time.

    Returns:
        What was seen; of what is another branch's nothing is looked at.
    """
    login = str(login_reference(rules.databases)) if rules.databases else ""
    record = own_record(seen)
    accounts = {account: ObjectRef("v1", "ServiceAccount", account) for account in rules.accounts}
    found = _objects(seen, (*(record.inventory if record else ()), *accounts.values()), objects)
    if record is None:
        return Closer(objects=found, login=login)
    refs = [*record.identities.values(), *(ref for pool in rules.pools.values() for ref in pool)]
    return Closer(
        objects=found,
        chains=chains(
            seen,
            rules=rules,
            identities={ref: read(partial(identities.identity, ref)) for ref in dict.fromkeys(refs)},
            accounts={account: _named(ref, found) for account, ref in accounts.items()},
            classes=_classes(standing(found) or (), accounts),
            now=now,
        ),
        login=login,
    )


def _objects(
    seen: Observed, refs: Iterable[ObjectRef], objects: ObjectReader
) -> Reading[tuple[Sighting, ...]]:
    if isinstance(seen.namespace, Unknown):
        return seen.namespace
    namespace = standing(seen.namespace)
    if namespace is None or namespace.owner != seen.key:
        return Standing(())
    return read(lambda: objects.sightings(namespace.name, dict.fromkeys(refs)))


def _named(account: ObjectRef, found: Reading[tuple[Sighting, ...]]) -> Reading[str]:
    if not isinstance(found, Standing):
        return found
    return next((Standing(each.client_id) for each in found.value if each.ref == account), Absent())


def _classes(found: Collection[Sighting], accounts: Collection[str]) -> tuple[ProviderClass, ...]:
    return tuple(
        ProviderClass(
            name=each.ref.name,
            client_id=each.client_id,
            tenant=each.tenant,
            accounts=frozenset(pods.account for pods in found if each.ref.name in pods.mounted) & {*accounts},
        )
        for each in found
        if each.ref.kind == PROVIDER_CLASS
    )
