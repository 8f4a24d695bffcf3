"""A closer look at one branch, which only an explanation takes: the objects that stand, since when, and the
chain from each service account to its identity.

A run needs none of it, and its calls are many: one for each object, two for each identity.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from coppice.components.federated_identity import IdentityReader
from coppice.components.identity import IDENTITY
from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.diagnostics.identity_chain import IdentityChain, identity_chains
from coppice.diagnostics.identity_checks import ProviderClass
from coppice.environment.config import EnvironmentConfig
from coppice.environment.references import ObjectRef
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present, read

PROVIDER_CLASS = "SecretProviderClass"


@dataclass(frozen=True, kw_only=True)
class ObjectStatus:
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

    def statuses(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[ObjectStatus, ...]:
        """Those of the objects that stand; a call for each."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a closer look has shown.

    Args:
        objects: those of its inventory that stand, and its service accounts.
        identity_chains: the chain of each service account.
        kept: objects that components keep in the environment → the component's name.
    """

    objects: Reading[tuple[ObjectStatus, ...]]
    identity_chains: tuple[IdentityChain, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> Mapping[str, tuple[str, ...]]:
        """Component → what keeps it from working, as only a closer look shows."""
        return {IDENTITY.name: tuple(each.broken.why for each in self.identity_chains if each.broken)}

    @property
    def details(self) -> Mapping[str, Mapping[str, object]]:
        """Component → what is answered of it beside its state."""
        return {IDENTITY.name: {"chains": [each.as_json() for each in self.identity_chains]}}


def inspect_branch(
    observed: Observed,
    *,
    config: EnvironmentConfig,
    identities: IdentityReader,
    objects: ObjectReader,
    now: datetime,
) -> Inspection:
    """Take a closer look.

    Args:
        observed: what was observed of the branch.
        config: what decides about branches.
        identities: reads identities.
        objects: reads objects.
        now: the time.

    Returns:
        What was seen; of what is another branch's nothing is looked at.
    """
    kept = {str(ref): each.state.name for each in COMPONENTS for ref in each.objects(config)}
    record = observed.own_record
    accounts = {account: ObjectRef("v1", "ServiceAccount", account) for account in config.accounts}
    found = _objects(observed, (*(record.inventory if record else ()), *accounts.values()), objects)
    if record is None:
        return Inspection(objects=found, kept=kept)
    refs = [*record.identities.values(), *(ref for pool in config.pools.values() for ref in pool)]
    return Inspection(
        objects=found,
        identity_chains=identity_chains(
            observed,
            config=config,
            identities={ref: read(partial(identities.identity, ref)) for ref in dict.fromkeys(refs)},
            accounts={account: _named(ref, found) for account, ref in accounts.items()},
            classes=_classes(present(found) or (), accounts),
            now=now,
        ),
        kept=kept,
    )


def _objects(
    observed: Observed, refs: Iterable[ObjectRef], objects: ObjectReader
) -> Reading[tuple[ObjectStatus, ...]]:
    if isinstance(observed.namespace, Unknown):
        return observed.namespace
    namespace = present(observed.namespace)
    if namespace is None or namespace.owner != observed.key:
        return Present(())
    return read(lambda: objects.statuses(namespace.name, dict.fromkeys(refs)))


def _named(account: ObjectRef, found: Reading[tuple[ObjectStatus, ...]]) -> Reading[str]:
    if not isinstance(found, Present):
        return found
    return next((Present(each.client_id) for each in found.value if each.ref == account), Absent())


def _classes(found: Collection[ObjectStatus], accounts: Collection[str]) -> tuple[ProviderClass, ...]:
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
