"""What an environment has to be given before it is made: a place among the others, its hosts, and an identity
with room for its credentials. None of it is taken from anyone: what others hold is waited for.
"""

from collections.abc import Mapping

from coppice.environment.config import Rules
from coppice.environment.records import Record, too_many
from coppice.lifecycle.apply_context import Survey
from coppice.lifecycle.identity_pools import NoRoom
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import standing
from coppice.reconciler.plan import Gate
from provisioning.renderer import Desired

_LATER = 60.0  # seconds: something that other branches have to give up first


def barrier(seen: Observed, record: Record, desired: Desired, survey: Survey, rules: Rules) -> Gate | None:
    """Say what others hold that this environment needs.

    Args:
        seen: what was observed.
        record: its record, written or not.
        desired: what its overlay asks for.
        survey: what was looked at for an overlay that is due.
        rules: what decides about branches.

    Returns:
        What has to be waited for; `None` if nothing has.
    """
    return _too_many(record, survey, rules) or _host_taken(seen, desired, survey) or _no_identity(survey)


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


def _too_many(record: Record, survey: Survey, rules: Rules) -> Gate | None:
    environments = standing(survey.environments) or 0
    if record.identities or environments < rules.most:
        return None
    return Gate(too_many(environments, rules.most), "no_room", _LATER)


def _host_taken(seen: Observed, desired: Desired, survey: Survey) -> Gate | None:
    claimed = standing(survey.hosts) or {}
    for host in desired.hosts:
        holder = claimed.get(host, seen.name.namespace)
        if holder != seen.name.namespace:
            return Gate(
                f"host {host} is held by a route in namespace {holder}: it is waited until that goes",
                "host_taken",
                _LATER,
            )
    return None


def _no_identity(survey: Survey) -> Gate | None:
    assigned = standing(survey.assigned)
    return Gate(str(assigned), "no_room", _LATER) if isinstance(assigned, NoRoom) else None
