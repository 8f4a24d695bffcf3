"""What an environment needs after its overlay has been applied: credentials that were lost, pruning, and
word of its rollout.

None of this needs the overlay, so that looking after an environment that is well costs no build.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from coppice.components.federated_identity import (
    CreateCredential,
    extra_credentials,
    missing_credentials,
    wanted_credentials,
)
from coppice.components.namespace import NOT_READY, READY, ROLLING_OUT, Annotate, Namespace
from coppice.components.removal import Remove
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record, WriteRecord
from coppice.lifecycle.identity_pools import gone_identities
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import Present
from coppice.reconciler.plan import Blocked, Item, Wait, wave
from provisioning.prerequisites import trusted_from
from provisioning.pruning import prune

ROLLOUT_PATIENCE = timedelta(minutes=10)
_SOON = 10.0  # seconds


def repair_applied(
    observed: Observed, namespace: Namespace, record: Record, *, config: EnvironmentConfig, now: datetime
) -> tuple[Item, ...]:
    """Plan what an environment needs whose overlay stands applied.

    Args:
        observed: what was observed.
        namespace: its namespace.
        record: its record.
        config: what decides about branches.
        now: the time.

    Returns:
        Waves and barriers; none if nothing is lacking.
    """
    credentials = wanted_credentials(
        observed.name, config=config, identities=record.identities, issuer=observed.issuer
    )
    there, lost = observed.there, gone_identities(observed)
    noted = {*record.credentials, *(each.ref for each in credentials)}
    missing = [each for each in missing_credentials(credentials, there) if each.identity not in lost]
    since = trusted_from(record, complete=not missing, config=config, now=now)
    wider = replace(record, credentials=tuple(sorted(noted)), trusted_from=since)
    return (
        *(wave(WriteRecord(record=wider)) if wider != record else ()),
        *wave(*(CreateCredential(credential=each) for each in missing)),
        *wave(*(Remove(subject=each) for each in extra_credentials(credentials, there) if each.ref in noted)),
        *prune(observed, record),
        *_rollout(observed, namespace, now),
    )


def _next_look(waited: timedelta) -> float:
    """Seconds until a rollout is worth another look: soon at first, and later the longer it has taken."""
    return min(15.0, max(2.0, waited.total_seconds() / 3))


def _rollout(observed: Observed, namespace: Namespace, now: datetime) -> tuple[Item, ...]:
    applied = namespace.applied
    if applied is None or applied.result == READY:
        return ()
    if not isinstance(observed.rollout, Present):
        return (Wait("the rollout has not been looked at", "rollout", _SOON),)
    rollout = observed.rollout.value
    if rollout.ready:
        return wave(Annotate(name=namespace.name, applied=replace(applied, result=READY, since=now)))
    why = f"not ready: {rollout.why}"
    if now - applied.at < ROLLOUT_PATIENCE:
        return (Wait(why, "rollout", _next_look(now - applied.at)),)
    if applied.result == ROLLING_OUT:
        return (
            *wave(Annotate(name=namespace.name, applied=replace(applied, result=NOT_READY, since=now))),
            Blocked(why, "not_ready"),
        )
    return (Blocked(why, "not_ready"),)
