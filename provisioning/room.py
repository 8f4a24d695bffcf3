"""What an environment has to be given before it is made: a place among the others, its hosts, and an identity
with room for its credentials. None of it is taken from anyone: what others hold is waited for.
"""

from collections.abc import Mapping

from branches.books import Record
from branches.identity import Identity, choose
from branches.observe import Observed
from branches.rules import Rules
from branches.survey import Survey
from loop.plan import Gate
from loop.reading import standing
from provisioning.desired import Desired

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
    return _no_room(record, survey, rules) or _host_taken(seen, desired, survey)


def _no_room(record: Record, survey: Survey, rules: Rules) -> Gate | None:
    environments = standing(survey.environments) or 0
    if record.identities or environments < rules.most:
        return None
    return Gate(f"{environments} environments stand, and MAX_ENVIRONMENTS is {rules.most}", "no_room", _LATER)


def _host_taken(seen: Observed, desired: Desired, survey: Survey) -> Gate | None:
    claimed = standing(survey.hosts) or {}
    for host in desired.hosts:
        holder = claimed.get(host, seen.name.namespace)
        if holder != seen.name.namespace:
            return Gate(f"host {host} is held by a route in namespace {holder}", "host_taken", _LATER)
    return None


def identities(
    seen: Observed, record: Record, known: Mapping[str, Identity], rules: Rules
) -> dict[str, str] | Gate:
    """The identity of each pool: the one on record, if it can still hold what it has to; else one that holds
    a credential of ours already, for records get lost; else the one with the most room.
    """
    chosen = {pool: ref for pool, ref in record.identities.items() if pool in rules.accounts.values()}
    holding = {each.identity for each in standing(seen.credentials) or ()}
    for pool in dict.fromkeys(rules.accounts.values()):
        need = sum(1 for each in rules.accounts.values() if each == pool)
        noted = known.get(chosen.get(pool, ""))
        if noted is not None and (noted.ref in holding or noted.room >= need):
            continue
        there = (known[ref] for ref in rules.pools[pool] if ref in holding and ref in known)
        identity = next(there, None) or choose(known.values(), pool=rules.pools[pool], need=need)
        if identity is None:
            rooms = ", ".join(f"{ref} {known[ref].room}" for ref in rules.pools[pool] if ref in known)
            named = f"pool {pool!r}" if pool else "WORKLOAD_IDENTITIES"
            return Gate(
                f"no identity of {named} has room for {need} more credentials ({rooms})", "no_room", _LATER
            )
        chosen[pool] = identity.ref
    return chosen
