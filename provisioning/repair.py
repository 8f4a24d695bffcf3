"""Plans the repair of an environment whose overlay is applied.

A repair restores components that were lost, prunes objects that have left the overlay, and records the state
of the rollout. None of this depends on the overlay, so a reconciliation of a healthy environment builds
nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from coppice.components.namespace import NOT_READY, READY, ROLLING_OUT, Annotate, Namespace
from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.components.removal import Remove
from coppice.components.stages import PlanInput
from coppice.environment.records import Record, WriteRecord
from coppice.reconciler.observation import Present
from coppice.reconciler.plan import Blocked, Item, Wait, wave
from provisioning.pruning import prune

ROLLOUT_PATIENCE = timedelta(minutes=10)
_SOON = 10.0  # seconds


def repair_applied(plan_input: PlanInput, namespace: Namespace, record: Record) -> tuple[Item, ...]:
    """Plan the repair of an environment whose overlay is applied.

    Args:
        plan_input: the input of planning.
        namespace: the environment's namespace.
        record: the environment's record.

    Returns:
        Waves and barriers; empty if nothing is missing.
    """
    steps, wider = [each.repair(plan_input) for each in COMPONENTS], record
    for each in COMPONENTS:
        wider = each.noted_mended(wider, plan_input)
    return (
        *(wave(WriteRecord(record=wider)) if wider != record else ()),
        *wave(*(change for each in steps for change in each.make)),
        *wave(*(Remove(subject=subject) for each in steps for subject in each.extra)),
        *prune(plan_input.observed, record),
        *_rollout(plan_input.observed, namespace, plan_input.now),
    )


def _next_look(waited: timedelta) -> float:
    """Return the seconds until a rollout is read again: a third of its duration so far, from 2 to 15."""
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
