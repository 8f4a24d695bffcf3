"""Looks at one branch and plans for it: everything of a run but the execution.

Looking reads only, and planning is a pure function. So a run, an explanation and a sweep plan alike.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from coppice.components.observed import Observed, Readers
from coppice.components.slots import NOT_LOOKED_AT
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.lifecycle.apply_context import ApplyContext, read_apply_context, read_records
from coppice.lifecycle.decision import Ensure, Rejected, Skip, TearDown, Verdict, decide
from coppice.lifecycle.observe_branch import Before, observe_branch
from coppice.lifecycle.ownership import enforce_ownership, why_not_ours
from coppice.manifests.rejection import Rejection as RefusedOverlay
from coppice.reconciler.concurrency import concurrently
from coppice.reconciler.observation import Present, Reading, Unknown, present, read
from coppice.reconciler.plan import Plan, unread
from deprovisioning import planner as removal
from provisioning import planner as provision
from provisioning.renderer import Desired
from provisioning.unchanged import claims_hosts


class ManifestRenderer(Protocol):
    """Renders the overlay of a commit."""

    def __call__(self, commit: str, observed: Observed) -> Desired | RefusedOverlay:
        """Return the rendered overlay, or the refusal of admission.

        Args:
            commit: the commit.
            observed: the branch, with the names of its environment.

        Raises:
            Failure: the overlay could not be fetched or built.
        """


@dataclass(frozen=True)
class RunMemory:
    """What one run keeps, so that it asks for nothing twice.

    Args:
        readers: the readers of all outside systems.
        overlays: commit → the overlay that was rendered.
    """

    readers: Readers
    overlays: dict[str, Desired | RefusedOverlay] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReconcileContext:
    """The result of observing one branch.

    Attributes:
        observed: what was observed.
        verdict: the decision.
        desired: the reading of the rendered overlay or its refusal; `NOT_LOOKED_AT` if it was not rendered.
        apply_context: what was read for applying the overlay; `None` if that was not necessary.
    """

    observed: Observed
    verdict: Verdict
    desired: Reading[Desired | RefusedOverlay] = NOT_LOOKED_AT
    apply_context: ApplyContext | None = None


def look(
    key: Key,
    memory: RunMemory,
    *,
    before: Before | None,
    config: EnvironmentConfig,
    render: ManifestRenderer,
    now: datetime,
) -> ReconcileContext:
    """Observe a branch, decide, and render its overlay if it is due and nothing blocks it. Only reads.

    Args:
        key: the branch's key.
        memory: what the same run keeps; it is added to.
        before: what the same run has already observed; `None` to read everything.
        config: the configuration of environments.
        render: renders the overlay of a commit.
        now: the current time.

    Returns:
        The result.
    """
    observed = observe_branch(key, config=config, readers=memory.readers, before=before)
    decided = decide(observed, config=config, now=now)
    namespace = present(observed.namespace)
    taken = why_not_ours(observed, config) or provision.why_taken(observed)
    blocked = taken or (namespace and namespace.terminating_since)
    if not isinstance(decided, Ensure) or not decided.due or blocked:
        return ReconcileContext(observed=observed, verdict=decided)
    built, commit = memory.overlays, decided.commit

    def rendered() -> Reading[Desired | RefusedOverlay]:
        return Present(built[commit]) if commit in built else read(lambda: render(commit, observed))

    with concurrently() as start:
        fetched = start(rendered)
        records = start(lambda: read_records(observed, config=config, readers=memory.readers))
    desired = fetched()
    overlay = present(desired)
    if overlay is None or isinstance(overlay, RefusedOverlay):
        return ReconcileContext(observed=observed, verdict=decided, desired=desired)
    built[commit] = overlay
    if decided.part_only:
        return ReconcileContext(observed=observed, verdict=decided, desired=desired)
    apply_context = read_apply_context(
        observed,
        overlay.manifests,
        brought=overlay.brought,
        claims_hosts=claims_hosts(observed, overlay, config=config, now=now),
        records=records(),
        config=config,
        readers=memory.readers,
    )
    return ReconcileContext(observed=observed, verdict=decided, desired=desired, apply_context=apply_context)


def plan_branch(context: ReconcileContext, *, config: EnvironmentConfig, now: datetime) -> Plan:
    """Plan the changes for one branch. This is a pure function.

    Args:
        context: the result of looking at the branch.
        config: the configuration of environments.
        now: the current time.

    Returns:
        The plan, in which changes to resources that are not Coppice's are suppressed.
    """
    return enforce_ownership(_plan(context, config, now), context.observed, config)


def _plan(context: ReconcileContext, config: EnvironmentConfig, now: datetime) -> Plan:
    match context.verdict:
        case TearDown():
            return removal.plan(context.observed, config=config, now=now)
        case Ensure() as ensure:
            unbuilt = None
            if isinstance(context.desired, Unknown) and context.desired is not NOT_LOOKED_AT:
                error = context.desired.error
                unbuilt = unread(f"its overlay was not fetched: {error}", error)
            return provision.plan(
                context.observed,
                ensure,
                desired=present(context.desired),
                apply_context=context.apply_context,
                unbuilt=unbuilt,
                config=config,
                now=now,
            )
        case Rejected(_, stall):
            return provision.plan_rejected(context.observed, stall, config=config, now=now)
        case Skip(why, unknown):
            return Plan((unread(why, unknown),)) if unknown else Plan(note=why)
