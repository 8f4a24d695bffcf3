"""The reconciler of branch environments: observes a branch, decides, plans, and has the plan executed.

A message names a branch and says nothing about what happened to it. Each run observes the branch again. So a
webhook that arrives twice, late, out of order or never does no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.branch_plan import ManifestRenderer, ReconcileContext, RunMemory, look, plan_branch
from coppice.components.observed import Observed, Readers
from coppice.diagnostics.inspection import Inspection, ObjectReader, inspect_branch
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.lifecycle.decision import TearDown, Verdict, decide
from coppice.lifecycle.drift import Drift, drift
from coppice.lifecycle.former_names import under_former_names
from coppice.lifecycle.observe_all import observe_all
from coppice.lifecycle.observe_branch import Before
from coppice.lifecycle.read_once import read_once
from coppice.lifecycle.report import build_report
from coppice.reconciler.controller import run
from coppice.reconciler.execution import Locks
from coppice.reconciler.outcome import Stalled
from coppice.reconciler.plan import Change, Plan
from coppice.reconciler.report import Report
from deprovisioning.executor import Executor as DeprovisioningExecutor
from provisioning.executor import Executor as ProvisioningExecutor


class Leases(Locks, Protocol):
    """Acquires leases, and deletes expired ones."""

    def clear_away(self) -> tuple[str, ...]:
        """Delete the expired leases of runs that died, and return their locks."""


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
        return look(key, memory, before=before, config=self.config, render=self.desired, now=self.now())

    def plan(self, context: ReconcileContext) -> Plan:
        """Plan the changes for one branch. Apart from the clock this is a pure function.

        Args:
            context: the result of observing the branch.

        Returns:
            The plan, in which changes to resources that are not Coppice's are suppressed.
        """
        return plan_branch(context, config=self.config, now=self.now())

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
