"""What an environment's overlay and its fence hold, as components: ensured by applying, removed by pruning
and with the namespace. So there is nothing to say of them here but whose they are and how they are shown.

The namespace is no component: Kubernetes deletes with it what is in it, and its marks say whose all that is.
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
    """What runs, and everything that no other component shows."""

    state: Slot[Any] = Slot("application")
    subjects = (Live,)
    shows_the_rest = True

    def why_not_ours(self, subject: Live, observed: Observed, config: EnvironmentConfig) -> str:
        """The overlay never had it."""
        record = observed.recorded.record
        inventory = (*record.inventory, *record.pruning) if record else ()
        return "" if subject.ref in inventory else "the record's inventory does not hold it"

    def deletion(self, owned: Owned[Live], observed: Observed) -> Delete:
        """Delete it from the environment's namespace."""
        return DeleteObject(namespace=observed.name.namespace, owned=owned)

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """How far its rollout has come."""
        rollout, applied = present(observed.rollout), observed.applied
        waits = (f"not ready: {rollout.why}",) if rollout is not None and not rollout.ready else ()
        since = applied.since if applied else objects.since
        return replace(objects, since=since, lacks=(*objects.lacks, *waits))


class Address(Component[Any]):
    """Its routes, and where they are reached."""

    state: Slot[Any] = Slot("address")
    # Those of Gateway API, and the policies of Application Gateway for Containers that are about them.
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
        """Its URL, if a route stands."""
        url = observed.applied.url if observed.applied else ""
        return replace(objects, stands=(url, *objects.stands)) if url and objects.stands else objects


class Secrets(Component[Any]):
    """Secrets, and what mounts those of Key Vault."""

    state: Slot[Any] = Slot("secrets")
    kinds = frozenset({"Secret", "SecretProviderClass"})


class Fence(Component[Any]):
    """The quota, the limits and the network policies that every environment stands in."""

    state: Slot[Any] = Slot("fence")
    kinds = frozenset({"LimitRange", "NetworkPolicy", "ResourceQuota"})
