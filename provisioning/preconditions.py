"""What an environment has to be given before it is made: a place among the others, its hosts, and an identity
with room for its credentials. None of it is taken from anyone: what others hold is waited for.
"""

from collections.abc import Mapping

from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record, too_many
from coppice.lifecycle.apply_context import ApplyContext
from coppice.lifecycle.identity_pools import NoRoom
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import present
from coppice.reconciler.plan import Wait
from provisioning.renderer import Desired

_LATER = 60.0  # seconds: something that other branches have to give up first


def barrier(
    observed: Observed,
    record: Record,
    desired: Desired,
    apply_context: ApplyContext,
    config: EnvironmentConfig,
) -> Wait | None:
    """Say what others hold that this environment needs.

    Args:
        observed: what was observed.
        record: its record, written or not.
        desired: what its overlay asks for.
        apply_context: what was looked at for an overlay that is due.
        config: what decides about branches.

    Returns:
        What has to be waited for; `None` if nothing has.
    """
    return (
        _too_many(record, apply_context, config)
        or _host_taken(observed, desired, apply_context)
        or _no_identity(apply_context)
    )


def moved(record: Record, identities: Mapping[str, str]) -> tuple[str, ...]:
    """Say what people have to do when an environment is given another identity than it had.

    Args:
        record: its record, with the identities that it had.
        identities: pool → the identity that it is given.
    """
    had = record.identities
    return tuple(
        f"it acts as {ref} now, and not {had[pool]} any more: pods keep the client id that they were started "
        f"with, so restart those from before (kubectl -n {record.namespace} rollout restart …)"
        for pool, ref in identities.items()
        if had.get(pool, ref) != ref
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


def _no_identity(apply_context: ApplyContext) -> Wait | None:
    assigned = present(apply_context.assigned)
    return Wait(str(assigned), "no_room", _LATER) if isinstance(assigned, NoRoom) else None
