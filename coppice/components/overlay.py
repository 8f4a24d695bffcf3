"""The components that consist of objects in the namespace: those of the overlay and of the fence.

They are ensured by applying the overlay, and removed by pruning and with the namespace. So these classes only
implement ownership and status.

The namespace itself is not a component. Kubernetes deletes its contents with it, and its annotations say
which branch owns all of them.
"""

from dataclasses import replace
from typing import Any

from coppice.components.application import Live
from coppice.components.component import Component
from coppice.components.observed import Observed
from coppice.components.removal import Delete, DeleteObject, Owned
from coppice.components.slots import Slot
from coppice.components.stages import Status
from coppice.environment.config import EnvironmentConfig
from coppice.reconciler.observation import Unknown, present


class Application(Component[Any]):
    """The workloads, and every object that no other component shows."""

    state: Slot[Any] = Slot("application")
    subjects = (Live,)
    shows_the_rest = True

    def why_not_ours(self, subject: Live, observed: Observed, config: EnvironmentConfig) -> str:
        """Return why an object is not ours: the record's inventory does not hold it."""
        record = observed.recorded.record
        inventory = (*record.inventory, *record.pruning) if record else ()
        return "" if subject.ref in inventory else "the record's inventory does not hold it"

    def deletion(self, owned: Owned[Live], observed: Observed) -> Delete:
        """Return the deletion of an object from the environment's namespace."""
        return DeleteObject(namespace=observed.name.namespace, owned=owned)

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """Return the status of the objects, with the progress of the rollout."""
        rollout, applied = present(observed.rollout), observed.applied
        waits = (f"not ready: {rollout.why}",) if rollout is not None and not rollout.ready else ()
        since = applied.since if applied else objects.since
        return replace(objects, since=since, lacks=(*objects.lacks, *waits))


class Address(Component[Any]):
    """The environment's routes and its URL."""

    state: Slot[Any] = Slot("address")
    # The routes of Gateway API and Ingress, and the policies of Gateway API and of Application Gateway for
    # Containers that target them.
    kinds = frozenset(
        {
            "BackendLoadBalancingPolicy",
            "BackendTLSPolicy",
            "FrontendTLSPolicy",
            "GRPCRoute",
            "HTTPRoute",
            "HealthCheckPolicy",
            "Ingress",
            "RoutePolicy",
            "TLSRoute",
            "WebApplicationFirewallPolicy",
        }
    )

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """Return the status of the routes, with the URL if at least one route exists."""
        url = observed.applied.url if observed.applied else ""
        return replace(objects, stands=(url, *objects.stands)) if url and objects.stands else objects


class Secrets(Component[Any]):
    """Secrets, and the SecretProviderClasses that mount secrets of Key Vault."""

    state: Slot[Any] = Slot("secrets")
    kinds = frozenset({"Secret", "SecretProviderClass"})


class Fence(Component[Any]):
    """The resource quota, the limit range and the network policies that confine every environment."""

    state: Slot[Any] = Slot("fence")
    kinds = frozenset({"LimitRange", "NetworkPolicy", "ResourceQuota"})
