"""The inspection of one branch: its existing objects, their age, and its identity chains.

Only an explanation of one branch makes it. A run does not need it, and it costs many calls: one for each
object and two for each identity.
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
from coppice.reconciler.concurrency import side_by_side
from coppice.reconciler.observation import Absent, Present, Reading, Unknown, present, read

PROVIDER_CLASS = "SecretProviderClass"


@dataclass(frozen=True, kw_only=True)
class ObjectStatus:
    """An existing object.

    Args:
        ref: the object.
        created: when it was created; `None` if the API server did not say.
        client_id: the client ID that it names, if it is a service account or a `SecretProviderClass`.
        tenant: the tenant that it names, if it is a `SecretProviderClass`.
        account: the service account of the pods that it creates, if it creates any.
        mounted: the `SecretProviderClass`es that these pods mount.
    """

    ref: ObjectRef
    created: datetime | None
    client_id: str = ""
    tenant: str = ""
    account: str = ""
    mounted: tuple[str, ...] = ()


class ObjectReader(Protocol):
    """Reads the status of objects in an environment's namespace, but not the data that they hold."""

    def statuses(self, namespace: str, refs: Iterable[ObjectRef]) -> tuple[ObjectStatus, ...]:
        """Read the status of objects, with one call for each.

        Args:
            namespace: the namespace.
            refs: the objects.

        Returns:
            The objects that exist.
        """


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """The result of an inspection.

    Args:
        objects: the existing objects of the inventory, and the existing service accounts.
        identity_chains: the identity chain of each service account.
        kept: each object that a component keeps in the environment → the name of the component.
    """

    objects: Reading[tuple[ObjectStatus, ...]]
    identity_chains: tuple[IdentityChain, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> Mapping[str, tuple[str, ...]]:
        """Component → what keeps it from working, as far as only an inspection shows it."""
        return {IDENTITY.name: tuple(each.broken.why for each in self.identity_chains if each.broken)}

    @property
    def details(self) -> Mapping[str, Mapping[str, object]]:
        """Component → what the HTTP API answers about it besides its state."""
        return {IDENTITY.name: {"chains": [each.as_json() for each in self.identity_chains]}}


def inspect_branch(
    observed: Observed,
    *,
    config: EnvironmentConfig,
    identities: IdentityReader,
    objects: ObjectReader,
    now: datetime,
) -> Inspection:
    """Inspect one branch.

    Args:
        observed: the observation of the branch.
        config: the settings that decide about branches.
        identities: the reader of identities.
        objects: the reader of objects.
        now: the current time.

    Returns:
        The inspection. It contains nothing that belongs to another branch, and no identity chains if the
        branch has no record.
    """
    kept = {str(ref): each.state.name for each in COMPONENTS for ref in each.objects(config)}
    record = observed.own_record
    accounts = {account: ObjectRef("v1", "ServiceAccount", account) for account in config.accounts}
    found = _objects(observed, (*(record.inventory if record else ()), *accounts.values()), objects)
    if record is None:
        return Inspection(objects=found, kept=kept)
    pools = (ref for pool in config.pools.values() for ref in pool)
    refs = tuple(dict.fromkeys((*record.identities.values(), *pools)))
    looked_up = side_by_side(*(partial(read, partial(identities.identity, ref)) for ref in refs))
    return Inspection(
        objects=found,
        identity_chains=identity_chains(
            observed,
            config=config,
            identities=dict(zip(refs, looked_up, strict=True)),
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
