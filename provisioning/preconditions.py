"""Checks the shared resources that an environment needs before it is provisioned.

These are a place within the limit on environments, the hosts of its routes, and what its components need of
shared resources. Nothing is taken from another environment: what others hold is waited for.
"""

from collections.abc import Iterable

from coppice.components.observed import Observed
from coppice.components.stages import Steps
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record, too_many
from coppice.lifecycle.apply_context import ApplyContext
from coppice.reconciler.observation import present
from coppice.reconciler.plan import Wait
from provisioning.renderer import Desired

_LATER = 60.0  # seconds until what another environment holds is checked again


def barrier(
    observed: Observed,
    desired: Desired,
    apply_context: ApplyContext,
    config: EnvironmentConfig,
    steps: Iterable[Steps],
) -> Wait | None:
    """Return the first wait for something that this environment needs and others hold.

    Args:
        observed: the branch.
        desired: the overlay.
        apply_context: what applying the overlay depends on besides.
        config: the configuration of all branch environments.
        steps: the steps of each component.

    Returns:
        The wait; `None` if nothing is held by others.
    """
    return (
        _too_many(observed.record, apply_context, config)
        or _host_taken(observed, desired, apply_context)
        or next((held for each in steps for held in each.held), None)
    )


def _too_many(record: Record, apply_context: ApplyContext, config: EnvironmentConfig) -> Wait | None:
    environments = present(apply_context.environments) or 0
    if record.identities or environments < config.most:
        return None
    return Wait(too_many(environments, config.most), "no_room", _LATER)


def _host_taken(observed: Observed, desired: Desired, apply_context: ApplyContext) -> Wait | None:
    claimed = present(apply_context.hosts) or {}
    for host in desired.hosts:
        holder = claimed.get(host, observed.name.namespace)
        if holder != observed.name.namespace:
            return Wait(
                f"host {host} is held by a route in namespace {holder}: it is waited until that goes",
                "host_taken",
                _LATER,
            )
    return None
