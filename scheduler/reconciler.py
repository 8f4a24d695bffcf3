"""Reconcile an environment whose key was taken from the queue: observe, plan, enforce ownership, execute.

A key names an environment and nothing else. Whether it should be awake is asked of the calendar at every run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from coppice.reconciler.controller import RunResult, run, verdict
from coppice.reconciler.execution import Locks
from coppice.reconciler.observation import present, read
from coppice.reconciler.outcome import Done, Outcome, Stalled
from coppice.reconciler.plan import Plan
from coppice.reconciler.report import Report
from scheduler import orphans
from scheduler.calendar import Level, ScheduleChange, level, schedule_changes
from scheduler.executor import Executor
from scheduler.gitops import Refresh
from scheduler.observe import Observed, Readers, observe
from scheduler.orphans import Orphans
from scheduler.overrides import Override
from scheduler.ownership import enforce_ownership
from scheduler.planner import block_if_overdue, plan, plan_transition
from scheduler.schedule import FEATURES, Schedule

FORECAST = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What the calendar says of an environment, or of `features`.

    Args:
        level: the level now.
        schedule_changes: the changes of the next seven days.
        overrides: the overrides that are in force.
    """

    level: Level
    schedule_changes: tuple[ScheduleChange, ...]
    overrides: tuple[Override, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What an environment is like, and what the scheduler does about it.

    Args:
        observed: what was observed.
        plan: what would be done now.
        next: the exact steps of the next change, as things are now; `None` if none comes in seven days.
        forecast: what the calendar says.
    """

    observed: Observed
    plan: Plan
    next: Plan | None
    forecast: Forecast


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Puts the environments of a schedule to sleep, and wakes them.

    Args:
        schedule: the schedule.
        repository: the default repository of flags.
        readers: what reads.
        executor: what writes.
        locks: where leases are held.
        now: the clock.
    """

    schedule: Schedule
    repository: str
    readers: Readers
    executor: Executor
    locks: Locks
    now: Callable[[], datetime]

    def reconcile(self, environment: str) -> Report:
        """Bring one environment closer to the level of the calendar.

        Args:
            environment: its name.

        Returns:
            The report, which has not been logged.
        """
        started = self.now()
        if environment not in self.schedule.named:
            why = f"the schedule names no environment {environment!r}"
            return Report(
                key={"environment": environment}, outcome=Stalled(why, "unknown_environment"), seconds=0
            )
        result = run(
            name=f"power/{environment}",
            observe=lambda: self.observe(environment),
            plan=self.plan,
            execute=lambda _, change: self.executor.execute(change),
            locks=self.locks,
        )
        counts = {pool.name: pool.shape.count for pool in result.observed.own_pools}
        return Report(
            key={"environment": environment},
            outcome=_outcome(result),
            seconds=(self.now() - started).total_seconds(),
            results=result.results,
            facts={"wanted": result.plan.note, "nodes": counts},
        )

    def wake_orphans(self) -> Report | None:
        """Take the next step towards waking orphans.

        Returns:
            The report, which has not been logged; `None` if there are no orphans.
        """
        started = self.now()
        result = run(
            name="power-orphans",
            observe=self._observe_orphans,
            plan=self._plan_orphans,
            execute=lambda _, change: self.executor.execute(change),
            locks=self.locks,
        )
        if isinstance(result.outcome, Done) and not result.results:
            return None
        seconds = (self.now() - started).total_seconds()
        key = {"environment": "(in no schedule)"}
        return Report(key=key, outcome=result.outcome, seconds=seconds, results=result.results)

    def explain_orphans(self) -> Plan:
        """Observe the orphans, and return the plan that the next tick would execute."""
        return self._plan_orphans(self._observe_orphans())

    def _plan_orphans(self, observed: Orphans) -> Plan:
        return orphans.plan(observed, schedule=self.schedule, now=self.now())

    def _observe_orphans(self) -> Orphans:
        readers = self.readers
        return Orphans(pools=read(readers.pools.pools), ledgers=read(readers.ledgers.ledgers))

    def observe(self, environment: str) -> Observed:
        """Observe one environment.

        Raises:
            KeyError: the schedule does not name it.
        """
        return observe(environment, self.schedule.named, repository=self.repository, readers=self.readers)

    def plan(self, observed: Observed) -> Plan:
        """Plan for one environment, with ownership enforced. Pure but for the time."""
        now = self.now()
        allowed = enforce_ownership(plan(observed, schedule=self.schedule, now=now), observed, self.schedule)
        desired = level(self.schedule, observed.name, present(observed.overrides) or (), now)
        return block_if_overdue(allowed, observed, awake=desired.awake, now=now)

    def explain(self, environment: str) -> Explanation:
        """Observe one environment, and plan what would be done now and at the next change.

        Raises:
            KeyError: the schedule does not name it.
        """
        observed = self.observe(environment)
        forecast = self.forecast(environment, present(observed.overrides) or ())
        following = next(iter(forecast.schedule_changes), None)
        next_plan = (
            None
            if following is None
            else plan_transition(observed, awake=following.awake, why=following.why, now=following.at)
        )
        return Explanation(
            observed=observed,
            plan=self.plan(observed),
            next=None if next_plan is None else enforce_ownership(next_plan, observed, self.schedule),
            forecast=forecast,
        )

    def explain_all(self) -> dict[str, Explanation]:
        """Explain every environment of the schedule, by name."""
        return {name: self.explain(name) for name in self.schedule.named}

    def features(self) -> Forecast | None:
        """Forecast the branch environments; `None` if the schedule does not name them."""
        if self.schedule.environments.features is None:
            return None
        overrides = read(self.readers.overrides.overrides)
        return self.forecast(FEATURES, present(overrides) or ())

    def forecast(self, environment: str, overrides: tuple[Override, ...]) -> Forecast:
        """Forecast an environment, or `features`.

        Raises:
            KeyError: the schedule does not name it.
        """
        now = self.now()
        return Forecast(
            level=level(self.schedule, environment, overrides, now),
            schedule_changes=schedule_changes(self.schedule, environment, overrides, now, ahead=FORECAST),
            overrides=tuple(
                each for each in overrides if each.environment == environment and now < each.ends
            ),
        )


def _outcome(result: RunResult[Observed]) -> Outcome:
    """The outcome of a run. If it only requested refreshes, the outcome is the barrier behind them."""
    changes = [change for each in result.plan.ready for change in each.changes]
    if result.outcome.code == "not_settled" and all(isinstance(each, Refresh) for each in changes):
        return verdict(result.plan)
    return result.outcome
