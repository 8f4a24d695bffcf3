"""The reconciler of branch environments: observes a branch, decides, plans, and has the plan executed.

A message names a branch and says nothing about what happened to it. Each run observes the branch again. So a
webhook that arrives twice, late, out of order or never does no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from coppice.components.observed import Observed, Readers
from coppice.components.slots import NOT_LOOKED_AT
from coppice.diagnostics.inspection import Inspection, ObjectReader, inspect_branch
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.lifecycle.apply_context import ApplyContext, read_apply_context, read_records
from coppice.lifecycle.decision import Ensure, Rejected, Skip, TearDown, Verdict, decide
from coppice.lifecycle.drift import Drift, drift
from coppice.lifecycle.former_names import under_former_names
from coppice.lifecycle.observe_all import observe_all
from coppice.lifecycle.observe_branch import Before, observe_branch
from coppice.lifecycle.ownership import enforce_ownership, why_not_ours
from coppice.lifecycle.read_once import read_once
from coppice.lifecycle.report import build_report
from coppice.manifests.rejection import Rejection as RefusedOverlay
from coppice.reconciler.concurrency import concurrently
from coppice.reconciler.controller import run
from coppice.reconciler.execution import Locks
from coppice.reconciler.observation import Present, Reading, Unknown, present, read
from coppice.reconciler.outcome import Stalled
from coppice.reconciler.plan import Change, Plan, unread
from coppice.reconciler.report import Report
from deprovisioning import planner as removal
from deprovisioning.executor import Executor as DeprovisioningExecutor
from provisioning import planner as provision
from provisioning.executor import Executor as ProvisioningExecutor
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


class Leases(Locks, Protocol):
    """Acquires leases, and deletes expired ones."""

    def clear_away(self) -> tuple[str, ...]:
        """Delete the expired leases of runs that died, and return their locks."""


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


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Reconciles, sweeps and explains branches.

    Args:
        config: the configuration of environments.
        readers: the readers of all outside systems.
        objects: reads an environment's objects, for an explanation.
        desired: renders the overlay of a commit.
        provisioning: executes changes that create or update an environment.
        deprovisioning: executes changes that remove an environment.
        locks: acquires leases.
        now: the clock.
    """

    config: EnvironmentConfig
    readers: Readers
    objects: ObjectReader
    desired: ManifestRenderer
    provisioning: ProvisioningExecutor
    deprovisioning: DeprovisioningExecutor
    locks: Leases
    now: Callable[[], datetime]

    @property
    def _readers(self) -> Readers:
        return under_former_names(self.readers, self.config)

    def reconcile(self, key: Key) -> Report:
        """Reconcile one branch: bring its environment to what is wanted, as far as that is possible now.

        Args:
            key: the branch's key.

        Returns:
            The report, which has not been logged. Its outcome is `Stalled` for another repository's key.
        """
        started, key = self.now(), self.config.known(key)
        if key.repository != self.config.repository:
            why = f"this program looks after {self.config.repository}, not after {key.repository}"
            return Report(key=key.fields, outcome=Stalled(why, "other_repository"), seconds=0)
        key = self.config.key(key.branch)
        memory = RunMemory(read_once(self._readers))
        ran = run(
            name=f"branch/{self.config.name(key.branch).namespace}",
            observe=lambda: self.look(key, memory),
            observe_again=lambda context, touched: self.look(
                key, memory, before=Before(observed=context.observed, touched=touched)
            ),
            plan=self.plan,
            execute=self._act,
            locks=self.locks,
        )
        context, seconds = ran.observed, (self.now() - started).total_seconds()
        return build_report(
            key, ran, context.observed, gone=isinstance(context.verdict, TearDown), seconds=seconds
        )

    def _act(self, context: ReconcileContext, change: Change) -> str | None:
        if isinstance(context.verdict, TearDown):
            return self.deprovisioning.execute(change)
        self.provisioning.execute(change)
        return None

    def look(
        self, key: Key, memory: RunMemory | None = None, *, before: Before | None = None
    ) -> ReconcileContext:
        """Observe a branch, decide, and render its overlay if it is due and nothing blocks it. Only reads.

        Args:
            key: the branch's key.
            memory: what the same run keeps; it is added to.
            before: what the same run has already observed; `None` to read everything.

        Returns:
            The result.
        """
        memory = memory or RunMemory(self._readers)
        observed = observe_branch(key, config=self.config, readers=memory.readers, before=before)
        decided = decide(observed, config=self.config, now=self.now())
        namespace = present(observed.namespace)
        taken = why_not_ours(observed, self.config) or provision.why_taken(observed)
        blocked = taken or (namespace and namespace.terminating_since)
        if not isinstance(decided, Ensure) or not decided.due or blocked:
            return ReconcileContext(observed=observed, verdict=decided)
        built, commit = memory.overlays, decided.commit
        with concurrently() as start:
            fetched = start(
                lambda: Present(built[commit]) if commit in built else self._fetch(commit, observed)
            )
            records = start(lambda: read_records(observed, config=self.config, readers=memory.readers))
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
            claims_hosts=claims_hosts(observed, overlay, config=self.config, now=self.now()),
            records=records(),
            config=self.config,
            readers=memory.readers,
        )
        return ReconcileContext(
            observed=observed, verdict=decided, desired=desired, apply_context=apply_context
        )

    def _fetch(self, commit: str, observed: Observed) -> Reading[Desired | RefusedOverlay]:
        return read(lambda: self.desired(commit, observed))

    def plan(self, context: ReconcileContext) -> Plan:
        """Plan the changes for one branch. Apart from the clock this is a pure function.

        Args:
            context: the result of observing the branch.

        Returns:
            The plan, in which changes to resources that are not Coppice's are suppressed.
        """
        return enforce_ownership(self._plan(context), context.observed, self.config)

    def _plan(self, context: ReconcileContext) -> Plan:
        match context.verdict:
            case TearDown():
                return removal.plan(context.observed, config=self.config, now=self.now())
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
                    config=self.config,
                    now=self.now(),
                )
            case Rejected(_, stall):
                return provision.plan_rejected(context.observed, stall, config=self.config, now=self.now())
            case Skip(why, unknown):
                return Plan((unread(why, unknown),)) if unknown else Plan(note=why)

    def sweep(self, *, most_deletions: int, confirmed: str = "") -> tuple[Drift, tuple[str, ...]]:
        """Observe all branches, and find those that differ from what is wanted. Only reads.

        Args:
            most_deletions: how many environments one sweep may remove without a confirmation.
            confirmed: the digest of the removals that a person has confirmed; empty if none.

        Returns:
            The drift, and the orphans.
        """
        world = observe_all(config=self.config, readers=self._readers)
        found = drift(
            world.branches, decide=self._from_afar, most_deletions=most_deletions, confirmed=confirmed
        )
        return found, world.orphans

    def apply_context(self) -> tuple[tuple[Observed, Verdict, Plan], ...]:
        """Observe all branches, and return for each what was observed, the decision and the plan."""
        world = observe_all(config=self.config, readers=self._readers)
        return tuple((each, *self._from_afar(each)) for each in world.branches)

    def explain(self, key: Key) -> tuple[Observed, Verdict, Plan]:
        """Observe one branch as a run does, including its overlay. Only reads.

        Args:
            key: the branch's key.

        Returns:
            What was observed, the decision, and the plan.
        """
        context = self.look(key)
        return context.observed, context.verdict, self.plan(context)

    def inspect(self, observed: Observed) -> Inspection:
        """Read what an explanation of one branch needs beyond what a run reads.

        Args:
            observed: the branch, as a run observes it.

        Returns:
            The inspection.
        """
        return inspect_branch(
            observed,
            config=self.config,
            identities=self.readers.identities,
            objects=self.objects,
            now=self.now(),
        )

    def _from_afar(self, observed: Observed) -> tuple[Verdict, Plan]:
        context = ReconcileContext(
            observed=observed, verdict=decide(observed, config=self.config, now=self.now())
        )
        return context.verdict, self.plan(context)
