"""A branch's key, taken from the queue: what is wanted, whose plan makes it so, and whose steps carry it out.

A message says which branch, and nothing about what happened to it: that is looked up here, each time anew.
So a webhook that comes twice, late, out of order or never does no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from coppice.components.database import why_taken
from coppice.diagnostics.inspection import Closer, ObjectReader, closer
from coppice.environment.config import Rules
from coppice.environment.key import Key
from coppice.lifecycle import observe_branch
from coppice.lifecycle.apply_context import Survey, survey
from coppice.lifecycle.decision import Gone, Leave, Present, Refused, Verdict, wanted
from coppice.lifecycle.drift import Drift, drift
from coppice.lifecycle.former_names import PresentMarks, under_former_names
from coppice.lifecycle.observe_all import everything
from coppice.lifecycle.observe_branch import NOT_LOOKED_AT, Observed, Readers
from coppice.lifecycle.ownership import police, why_foreign
from coppice.lifecycle.report import shown, told
from coppice.manifests.rejection import Refused as RefusedOverlay
from coppice.reconciler.controller import Locks, run
from coppice.reconciler.observation import Reading, Standing, Unknown, read, standing
from coppice.reconciler.outcome import Stalled
from coppice.reconciler.plan import Change, Plan, unread
from coppice.reconciler.report import Report
from deprovisioning import planner as removal
from deprovisioning.executor import Steps as DeprovisioningExecutor
from provisioning import planner as provision
from provisioning.executor import Steps as ProvisioningExecutor
from provisioning.renderer import Desired


class Wish(Protocol):
    """Finds out what a commit asks for."""

    def __call__(self, commit: str, seen: Observed) -> Desired | RefusedOverlay:
        """The overlay at a commit, built and judged."""


class Leases(Locks, Protocol):
    """Where leases are held."""

    def clear_away(self) -> tuple[str, ...]:
        """Delete those of runs that died; which these were."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One look at a branch: what was observed, what follows from it, and what its overlay asks for if that
    is due.
    """

    observed: Observed
    verdict: Verdict
    desired: Reading[Desired | RefusedOverlay] = NOT_LOOKED_AT
    survey: Survey | None = None


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """All that reconciling branches needs.

    Args:
        rules: what decides about branches.
        readers: what looks at the world.
        objects: what looks at an environment's objects, for an explanation.
        desired: finds out what a commit asks for.
        provisioning: what makes environments.
        deprovisioning: what takes them away.
        locks: where leases are held.
        now: the clock.
    """

    rules: Rules
    readers: Readers
    objects: ObjectReader
    desired: Wish
    provisioning: ProvisioningExecutor
    deprovisioning: DeprovisioningExecutor
    locks: Leases
    now: Callable[[], datetime]

    @property
    def _readers(self) -> Readers:
        return under_former_names(self.readers, self.rules)

    def reconcile(self, key: Key) -> Report:
        """Bring one branch's environment to what is wanted, as far as the world lets it.

        Args:
            key: the branch.

        Returns:
            The report, not yet logged.
        """
        started, key = self.now(), self.rules.known(key)
        if key.repository != self.rules.repository:
            why = f"this program looks after {self.rules.repository}, not after {key.repository}"
            return Report(key=shown(key), outcome=Stalled(why, "other_repository"), seconds=0)
        key = self.rules.key(key.branch)
        overlays: dict[str, Desired | RefusedOverlay] = {}
        ran = run(
            name=f"branch/{self.rules.name(key.branch).namespace}",
            observe=lambda: self.look(key, overlays),
            plan=self.plan,
            act=self._act,
            locks=self.locks,
        )
        seen, seconds = ran.observed, (self.now() - started).total_seconds()
        return told(key, ran, seen.observed, gone=isinstance(seen.verdict, Gone), seconds=seconds)

    def _act(self, seen: Seen, change: Change) -> str | None:
        if isinstance(seen.verdict, Gone):
            marks = PresentMarks(self.deprovisioning.monitoring, self.rules)
            return replace(self.deprovisioning, monitoring=marks).act(change)
        marks = PresentMarks(self.provisioning.monitoring, self.rules)
        replace(self.provisioning, monitoring=marks).act(change)
        return None

    def look(self, key: Key, overlays: dict[str, Desired | RefusedOverlay] | None = None) -> Seen:
        """Look at a branch, and at its overlay if that is due.

        Args:
            key: the branch.
            overlays: what was built before in the same run, by commit.

        Returns:
            What was seen; nothing was written.
        """
        observed = observe_branch.one(key, rules=self.rules, readers=self._readers)
        decided = wanted(observed, rules=self.rules, now=self.now())
        namespace = standing(observed.namespace)
        taken = why_foreign(observed, self.rules) or why_taken(standing(observed.database), key)
        hopeless = taken or (namespace and namespace.terminating_since)
        if not isinstance(decided, Present) or not decided.due or hopeless:
            return Seen(observed=observed, verdict=decided)
        built = overlays if overlays is not None else {}
        commit = decided.commit
        desired = Standing(built[commit]) if commit in built else self._fetch(commit, observed)
        overlay = standing(desired)
        if overlay is None or isinstance(overlay, RefusedOverlay):
            return Seen(observed=observed, verdict=decided, desired=desired)
        built[commit] = overlay
        if decided.part_only:
            return Seen(observed=observed, verdict=decided, desired=desired)
        around = survey(
            observed,
            overlay.manifests,
            monitored=overlay.part is not None,
            rules=self.rules,
            readers=self._readers,
        )
        return Seen(observed=observed, verdict=decided, desired=desired, survey=around)

    def _fetch(self, commit: str, observed: Observed) -> Reading[Desired | RefusedOverlay]:
        return read(lambda: self.desired(commit, observed))

    def plan(self, seen: Seen) -> Plan:
        """Plan for one branch. Pure but for the time.

        Args:
            seen: what was seen.

        Returns:
            The plan, with everything struck out of it that is not ours.
        """
        return police(self._plan(seen), seen.observed, self.rules)

    def _plan(self, seen: Seen) -> Plan:
        match seen.verdict:
            case Gone():
                return removal.plan(seen.observed, rules=self.rules, now=self.now())
            case Present() as present:
                unbuilt = None
                if isinstance(seen.desired, Unknown) and seen.desired is not NOT_LOOKED_AT:
                    error = seen.desired.error
                    unbuilt = unread(f"its overlay was not fetched: {error}", error)
                return provision.plan(
                    seen.observed,
                    present,
                    desired=standing(seen.desired),
                    survey=seen.survey,
                    unbuilt=unbuilt,
                    rules=self.rules,
                    now=self.now(),
                )
            case Refused(_, stall):
                return provision.keep(seen.observed, stall, rules=self.rules, now=self.now())
            case Leave(why, unknown):
                return Plan((unread(why, unknown),)) if unknown else Plan(note=why)

    def sweep(self, *, most_deletions: int, confirmed: str = "") -> tuple[Drift, tuple[str, ...]]:
        """Look at everything, and find the branches that differ from what is wanted. Nothing is written.

        Args:
            most_deletions: how many environments one sweep may remove unasked.
            confirmed: the digest of removals that a person has confirmed.

        Returns:
            What differs, and what bears our marks and is not touched.
        """
        world = everything(rules=self.rules, readers=self._readers)
        found = drift(
            world.branches, decide=self._from_afar, most_deletions=most_deletions, confirmed=confirmed
        )
        return found, world.orphans

    def survey(self) -> tuple[tuple[Observed, Verdict, Plan], ...]:
        """Look at everything, and say of each branch what was seen, what is wanted and what would be done."""
        world = everything(rules=self.rules, readers=self._readers)
        return tuple((each, *self._from_afar(each)) for each in world.branches)

    def explain(self, key: Key) -> tuple[Observed, Verdict, Plan]:
        """Look at one branch as a run would, its overlay included, and change nothing.

        Args:
            key: the branch.

        Returns:
            What was seen, what is wanted, and the plan.
        """
        seen = self.look(key)
        return seen.observed, seen.verdict, self.plan(seen)

    def look_closer(self, observed: Observed) -> Closer:
        """Look at one branch as only an explanation has to.

        Args:
            observed: the branch, as a run sees it.
        """
        return closer(
            observed,
            rules=self.rules,
            identities=self.readers.identities,
            objects=self.objects,
            now=self.now(),
        )

    def _from_afar(self, observed: Observed) -> tuple[Verdict, Plan]:
        seen = Seen(observed=observed, verdict=wanted(observed, rules=self.rules, now=self.now()))
        return seen.verdict, self.plan(seen)
