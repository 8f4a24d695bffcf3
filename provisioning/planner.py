"""The plan that makes an environment, or mends it. It decides and touches nothing.

The order is a promise: the overlay has been built and judged before the first write; the record stands
before the first credential, so that a crash forgets nothing; credentials stand before the pods that sign in
with them; what was applied is noted after all of it was.
"""

from dataclasses import replace
from datetime import datetime

from coppice.components.observed import Observed
from coppice.components.registry import COMPONENTS
from coppice.components.removal import Remove
from coppice.components.slots import Slots
from coppice.components.stages import PlanInput
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Stall, WriteRecord, rendering
from coppice.lifecycle.apply_context import ApplyContext
from coppice.lifecycle.decision import Ensure
from coppice.lifecycle.drift import TO_BE_BUILT
from coppice.manifests.rejection import Rejection
from coppice.reconciler.observation import present
from coppice.reconciler.plan import Blocked, Item, Plan, Wait, Wave, first_unread, wave
from provisioning.beside import beside
from provisioning.overlay_plan import make
from provisioning.renderer import Desired
from provisioning.repair import repair_applied

_SOON = 10.0  # seconds: a namespace that goes


def plan(
    observed: Observed,
    verdict: Ensure,
    *,
    desired: Desired | Rejection | None = None,
    apply_context: ApplyContext | None = None,
    unbuilt: Wait | Blocked | None = None,
    config: EnvironmentConfig,
    now: datetime,
) -> Plan:
    """Plan what makes or mends one environment.

    Args:
        observed: what was observed.
        verdict: that it is wanted, and why its overlay is due.
        desired: the overlay, built and judged; `None` if it is not due, or if this is only a look from afar.
        apply_context: what an overlay that is due needs to know beside.
        unbuilt: why the overlay could not be fetched, if that was tried.
        config: what decides about branches.
        now: the time.

    Returns:
        The plan; empty if the environment stands as it should.
    """
    namespace, record = present(observed.namespace), observed.recorded.record
    missing = first_unread(
        *(observed.records, observed.namespace),
        *(reading for each in COMPONENTS for reading in each.needed(observed, config)),
    )
    if missing:
        return Plan((missing,))
    if namespace is not None and namespace.terminating_since:
        kept = "".join(f". {each}" for each in namespace.remaining)
        return Plan((Wait(f"{namespace} is still going{kept}", "terminating", _SOON),))
    taken = why_taken(observed)
    if taken:
        return Plan((Blocked(taken, "not_ours"),))
    ended = _ended_hold(observed)
    to_be_built = unbuilt or Wait(f"to be built: {verdict.due}", TO_BE_BUILT, 0)
    if (not verdict.due or verdict.part_only) and namespace is not None and record is not None:
        refused = desired if isinstance(desired, Rejection) else None
        overlay = None if isinstance(desired, Rejection) else desired
        plan_input = PlanInput(
            observed=observed,
            config=config,
            now=now,
            states=observed.components,
            brought=overlay.brought if overlay else Slots(),
        )
        items = beside(
            repair_applied(plan_input, namespace, record),
            plan_input,
            record,
            refused=refused,
            built=overlay is not None,
            unbuilt=to_be_built if verdict.part_only else None,
        )
        return Plan((*ended, *items))
    if isinstance(desired, Rejection):
        return Plan((*ended, *_refuse(observed, verdict.commit, desired, config=config, now=now)))
    if desired is None or apply_context is None:
        return Plan((*ended, to_be_built))
    made = make(observed, verdict, desired, apply_context, config=config, now=now)
    return replace(made, items=(*ended, *made.items))


def plan_rejected(observed: Observed, stall: Stall, *, config: EnvironmentConfig, now: datetime) -> Plan:
    """Plan for an environment whose branch has moved on to an overlay that was refused: it stays as it was.

    Args:
        observed: what was observed.
        stall: the refusal.
        config: what decides about branches.
        now: the time.

    Returns:
        What it lacks, and then the refusal.
    """
    refused = Blocked(stall.why, "refused")
    namespace, record = present(observed.namespace), observed.recorded.record
    applied = namespace.applied if namespace is not None and not namespace.terminating_since else None
    needed = [reading for each in COMPONENTS for reading in each.needed_to_mend(observed, config)]
    if namespace is None or record is None or applied is None or first_unread(*needed):
        return Plan((refused,))
    if record.rendered != rendering(applied.revision, applied.digest):
        return Plan((refused,))
    plan_input = PlanInput(observed=observed, config=config, now=now, states=observed.components)
    return Plan((*repair_applied(plan_input, namespace, record), refused))


def why_taken(observed: Observed) -> str:
    """Say why the branch cannot have one of its components, since somebody else has it.

    Args:
        observed: what was observed.

    Returns:
        The reason; empty if it can have all.
    """
    return next((why for each in COMPONENTS if (why := each.why_taken(observed))), "")


def _ended_hold(observed: Observed) -> tuple[Wave, ...]:
    """A hold that a push has ended goes, so that no later push back to its commit revives it."""
    request = observed.recorded.request
    return wave(Remove(subject=request)) if request is not None and request.action == "hold" else ()


def _refuse(
    observed: Observed, commit: str, refused: Rejection, *, config: EnvironmentConfig, now: datetime
) -> tuple[Item, ...]:
    """Remember that this commit's overlay was refused, and leave everything else as it stands."""
    stall = Stall(
        commit=commit, digest=config.digest, asked=observed.recorded.asked, at=now, why=str(refused)
    )
    stalled = replace(observed.record, stall=stall)
    return (*wave(WriteRecord(record=stalled)), Blocked(str(refused), "refused"))
