"""Looks at one branch and plans for it: everything of a run but the execution.

Looking reads only, and planning is a pure function. So a run, an explanation and a sweep plan alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from coppice.components.observed import Observed, Readers
from coppice.components.slots import NOT_LOOKED_AT
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.records import RecordSet
from coppice.lifecycle.apply_context import ApplyContext, read_ahead, read_apply_context
from coppice.lifecycle.decision import Ensure, Rejected, Skip, TearDown, Verdict, decide
from coppice.lifecycle.observe_branch import Before, observe_branch
from coppice.lifecycle.ownership import enforce_ownership, why_not_ours
from coppice.manifests.rejection import Rejection as RefusedOverlay
from coppice.reconciler.concurrency import Start, concurrently
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
        overlays: commit → the overlay that was rendered, or its refusal.
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
    with concurrently() as start:
        prepared = _Prepared(memory, render, start)
        observed = observe_branch(
            key,
            config=config,
            readers=memory.readers,
            before=before,
            meanwhile=lambda partly: prepared.begin(partly, config=config, now=now),
        )
        decided = decide(observed, config=config, now=now)
        if not isinstance(decided, Ensure) or not decided.due or _blocked(observed, config):
            return ReconcileContext(observed=observed, verdict=decided)
        rendered = start(lambda: prepared.overlay(decided.commit, observed))
        ahead = None
        if not decided.part_only:
            records = prepared.records() if prepared.records else None
            ahead = read_ahead(observed, records=records, config=config, readers=memory.readers)
        desired = rendered()
    overlay = present(desired)
    if overlay is None or isinstance(overlay, RefusedOverlay) or ahead is None:
        return ReconcileContext(observed=observed, verdict=decided, desired=desired)
    apply_context = read_apply_context(
        observed,
        overlay.manifests,
        brought=overlay.brought,
        claims_hosts=claims_hosts(observed, overlay, config=config, now=now),
        ahead=ahead,
        config=config,
        readers=memory.readers,
    )
    return ReconcileContext(observed=observed, verdict=decided, desired=desired, apply_context=apply_context)


def _blocked(observed: Observed, config: EnvironmentConfig) -> bool:
    namespace = present(observed.namespace)
    taken = why_not_ours(observed, config) or provision.why_taken(observed)
    return bool(taken or (namespace and namespace.terminating_since))


@dataclass
class _Prepared:
    """What a look obtains while the rest of the branch is still being read.

    Args:
        memory: what the run keeps.
        render: renders the overlay of a commit.
        start: starts what goes on meanwhile.
    """

    memory: RunMemory
    render: ManifestRenderer
    start: Start
    records: Callable[[], Reading[RecordSet]] | None = None
    _rendering: Callable[[], Reading[Desired | RefusedOverlay]] | None = None

    def begin(self, observed: Observed, *, config: EnvironmentConfig, now: datetime) -> None:
        """Begin to render the overlay of a new commit, and to read all records for a new environment.

        Whatever else is read of the branch, both are needed then.
        """
        decided = decide(observed, config=config, now=now)
        if not isinstance(decided, Ensure) or not decided.due or decided.routine:
            return
        if _blocked(observed, config):
            return
        commit = decided.commit
        self._rendering = self.start(lambda: self._rendered(commit, observed))
        if not observed.record.identities:
            self.records = self.start(lambda: read(self.memory.readers.records.all))

    def overlay(self, commit: str, observed: Observed) -> Reading[Desired | RefusedOverlay]:
        """Return the overlay of a commit, or its refusal."""
        return self._rendering() if self._rendering else self._rendered(commit, observed)

    def _rendered(self, commit: str, observed: Observed) -> Reading[Desired | RefusedOverlay]:
        known = self.memory.overlays.get(commit)
        if known is not None:
            return Present(known)
        found: Reading[Desired | RefusedOverlay] = read(lambda: self.render(commit, observed))
        if isinstance(found, Present):
            self.memory.overlays[commit] = found.value
        return found


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
