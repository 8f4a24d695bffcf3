"""A branch's key, taken from the queue: what is wanted, whose plan makes it so, and whose steps carry it out.

A message says which branch, and nothing about what happened to it: that is looked up here, each time anew.
So a webhook that comes twice, late, out of order or never does no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from coppice.components.observed import Observed, Readers
from coppice.components.slots import NOT_LOOKED_AT
from coppice.diagnostics.inspection import Inspection, ObjectReader, inspect_branch
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.lifecycle import observe_branch
from coppice.lifecycle.apply_context import ApplyContext, read_apply_context
from coppice.lifecycle.decision import Ensure, Rejected, Skip, TearDown, Verdict, decide
from coppice.lifecycle.drift import Drift, drift
from coppice.lifecycle.former_names import under_former_names
from coppice.lifecycle.observe_all import observe_all
from coppice.lifecycle.ownership import enforce_ownership, why_not_ours
from coppice.lifecycle.report import build_report
from coppice.manifests.rejection import Rejection as RefusedOverlay
from coppice.reconciler.controller import Locks, run
from coppice.reconciler.observation import Present, Reading, Unknown, present, read
from coppice.reconciler.outcome import Stalled
from coppice.reconciler.plan import Change, Plan, unread
from coppice.reconciler.report import Report
from deprovisioning import planner as removal
from deprovisioning.executor import Executor as DeprovisioningExecutor
from provisioning import planner as provision
from provisioning.executor import Executor as ProvisioningExecutor
from provisioning.renderer import Desired


class ManifestRenderer(Protocol):
    """Finds out what a commit asks for."""

    def __call__(self, commit: str, observed: Observed) -> Desired | RefusedOverlay:
        """The overlay at a commit, built and judged."""


class Leases(Locks, Protocol):
    """Where leases are held."""

    def clear_away(self) -> tuple[str, ...]:
        """Delete those of runs that died; which these were."""


@dataclass(frozen=True, kw_only=True)
class ReconcileContext:
    """One look at a branch: what was observed, what follows from it, and what its overlay asks for if that
    is due.
    """

    observed: Observed
    verdict: Verdict
    desired: Reading[Desired | RefusedOverlay] = NOT_LOOKED_AT
    apply_context: ApplyContext | None = None


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """All that reconciling branches needs.

    Args:
        config: what decides about branches.
        readers: what looks at the world.
        objects: what looks at an environment's objects, for an explanation.
        desired: finds out what a commit asks for.
        provisioning: what makes environments.
        deprovisioning: what takes them away.
        locks: where leases are held.
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
        """Bring one branch's environment to what is wanted, as far as the world lets it.

        Args:
            key: the branch.

        Returns:
            The report, not yet logged.
        """
        started, key = self.now(), self.config.known(key)
        if key.repository != self.config.repository:
            why = f"this program looks after {self.config.repository}, not after {key.repository}"
            return Report(key=key.fields, outcome=Stalled(why, "other_repository"), seconds=0)
        key = self.config.key(key.branch)
        overlays: dict[str, Desired | RefusedOverlay] = {}
        ran = run(
            name=f"branch/{self.config.name(key.branch).namespace}",
            observe=lambda: self.look(key, overlays),
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

    def look(self, key: Key, overlays: dict[str, Desired | RefusedOverlay] | None = None) -> ReconcileContext:
        """Look at a branch, and at its overlay if that is due.

        Args:
            key: the branch.
            overlays: what was built before in the same run, by commit.

        Returns:
            What was seen; nothing was written.
        """
        observed = observe_branch.observe_branch(key, config=self.config, readers=self._readers)
        decided = decide(observed, config=self.config, now=self.now())
        namespace = present(observed.namespace)
        taken = why_not_ours(observed, self.config) or provision.why_taken(observed)
        blocked = taken or (namespace and namespace.terminating_since)
        if not isinstance(decided, Ensure) or not decided.due or blocked:
            return ReconcileContext(observed=observed, verdict=decided)
        built = overlays if overlays is not None else {}
        commit = decided.commit
        desired = Present(built[commit]) if commit in built else self._fetch(commit, observed)
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
            config=self.config,
            readers=self._readers,
        )
        return ReconcileContext(
            observed=observed, verdict=decided, desired=desired, apply_context=apply_context
        )

    def _fetch(self, commit: str, observed: Observed) -> Reading[Desired | RefusedOverlay]:
        return read(lambda: self.desired(commit, observed))

    def plan(self, context: ReconcileContext) -> Plan:
        """Plan for one branch. Pure but for the time.

        Args:
            context: what was seen.

        Returns:
            The plan, with everything struck out of it that is not ours.
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
        """Look at everything, and find the branches that differ from what is wanted. Nothing is written.

        Args:
            most_deletions: how many environments one sweep may remove unasked.
            confirmed: the digest of removals that a person has confirmed.

        Returns:
            What differs, and what bears our marks and is not touched.
        """
        world = observe_all(config=self.config, readers=self._readers)
        found = drift(
            world.branches, decide=self._from_afar, most_deletions=most_deletions, confirmed=confirmed
        )
        return found, world.orphans

    def apply_context(self) -> tuple[tuple[Observed, Verdict, Plan], ...]:
        """Look at everything, and say of each branch what was seen, what is wanted and what would be done."""
        world = observe_all(config=self.config, readers=self._readers)
        return tuple((each, *self._from_afar(each)) for each in world.branches)

    def explain(self, key: Key) -> tuple[Observed, Verdict, Plan]:
        """Look at one branch as a run would, its overlay included, and change nothing.

        Args:
            key: the branch.

        Returns:
            What was seen, what is wanted, and the plan.
        """
        context = self.look(key)
        return context.observed, context.verdict, self.plan(context)

    def inspect(self, observed: Observed) -> Inspection:
        """Look at one branch as only an explanation has to.

        Args:
            observed: the branch, as a run sees it.
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
