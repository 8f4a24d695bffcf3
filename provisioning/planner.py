"""Plans how an environment is provisioned or repaired. The planner only decides; it changes nothing.

Every plan keeps this order:

1. The overlay is built and admitted before the first write.
2. The record is written before the first credential is created, so that a crash leaves nothing unrecorded.
3. Credentials are created before the pods that sign in with them.
4. What was applied is written to the namespace's annotations after all of it was applied.
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

_SOON = 10.0  # seconds until a namespace that is being deleted is read again


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
    """Plan how one environment is provisioned or repaired.

    Args:
        observed: the branch.
        verdict: the decision that the environment is wanted, with the reason why its overlay is due.
        desired: the overlay, built and admitted, or its rejection; `None` if it is not due or was not built.
        apply_context: what applying a due overlay depends on besides; `None` if it was not read.
        unbuilt: why the overlay could not be fetched; `None` if it could be or was not tried.
        config: the configuration of all branch environments.
        now: the current time.

    Returns:
        The plan; empty if the environment is in its desired state. If the overlay is due and was not built,
        the plan holds a barrier in its place.
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
    """Plan for an environment whose branch is at a commit with a refused overlay.

    What was applied before stays in place and is repaired, if it was applied completely.

    Args:
        observed: the branch.
        stall: the refusal that the record holds.
        config: the configuration of all branch environments.
        now: the current time.

    Returns:
        The repairs, followed by the refusal as a barrier.
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
    """Return why the branch cannot have one of its components, because another owner has it.

    Args:
        observed: the branch.

    Returns:
        The first reason; empty if it can have all components.
    """
    return next((why for each in COMPONENTS if (why := each.why_taken(observed))), "")


def _ended_hold(observed: Observed) -> tuple[Wave, ...]:
    """Return the removal of a hold that a push has ended.

    If the hold stayed, a later push of its commit would put it into effect again.
    """
    request = observed.recorded.request
    return wave(Remove(subject=request)) if request is not None and request.action == "hold" else ()


def _refuse(
    observed: Observed, commit: str, refused: Rejection, *, config: EnvironmentConfig, now: datetime
) -> tuple[Item, ...]:
    """Record that this commit's overlay was refused, and change nothing else."""
    stall = Stall(
        commit=commit, digest=config.digest, asked=observed.recorded.asked, at=now, why=str(refused)
    )
    stalled = replace(observed.record, stall=stall)
    return (*wave(WriteRecord(record=stalled)), Blocked(str(refused), "refused"))
