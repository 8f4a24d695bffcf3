"""An environment's key, taken from the queue: look, plan, police, and take the steps that are ready.

A key says which environment, and nothing about what it should be: the calendar says that, at every look.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from coppice.reconciler.controller import Locks, RunResult, run, verdict
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
from scheduler.planner import impatient, plan, towards
from scheduler.schedule import FEATURES, Schedule

FORECAST = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What the calendar says of an environment, or of `features`.

    Args:
        level: what it should be now.
        schedule_changes: when that changes, for seven days.
        overrides: a person's word that holds now.
    """

    level: Level
    schedule_changes: tuple[ScheduleChange, ...]
    overrides: tuple[Override, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One look at an environment.

    Args:
        observed: what was observed.
        plan: what would be done now.
        next: the exact steps of the next change, as things stand now; `None` if none comes in seven days.
        forecast: what the calendar says.
    """

    observed: Observed
    plan: Plan
    next: Plan | None
    forecast: Forecast


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """All that switching environments needs.

    Args:
        schedule: the schedule.
        repository: the repository of flags that name none.
        readers: what looks at the world.
        steps: what changes it.
        locks: where leases are held.
        now: the clock.
    """

    schedule: Schedule
    repository: str
    readers: Readers
    steps: Executor
    locks: Locks
    now: Callable[[], datetime]

    def reconcile(self, environment: str) -> Report:
        """Bring one environment to where the calendar wants it, as far as the world lets it.

        Args:
            environment: its name.

        Returns:
            The report, not yet logged.

        """
        started = self.now()
        if environment not in self.schedule.named:
            why = f"the schedule names no environment {environment!r}"
            return Report(
                key={"environment": environment}, outcome=Stalled(why, "unknown_environment"), seconds=0
            )
        ran = run(
            name=f"power/{environment}",
            observe=lambda: self.look(environment),
            plan=self.plan,
            execute=lambda _, change: self.steps.execute(change),
            locks=self.locks,
        )
        asleep = {pool.name: pool.shape.count for pool in ran.observed.own_pools}
        return Report(
            key={"environment": environment},
            outcome=_outcome(ran),
            seconds=(self.now() - started).total_seconds(),
            results=ran.results,
            facts={"wanted": ran.plan.note, "nodes": asleep},
        )

    def wake_orphans(self) -> Report | None:
        """Wake what sleeps and no environment names, step by step.

        Returns:
            The report, not yet logged; `None` if there is no such thing.
        """
        started = self.now()
        ran = run(
            name="power-orphans",
            observe=self._look_for_orphans,
            plan=self._plan_for_orphans,
            execute=lambda _, change: self.steps.execute(change),
            locks=self.locks,
        )
        if isinstance(ran.outcome, Done) and not ran.results:
            return None
        seconds = (self.now() - started).total_seconds()
        key = {"environment": "(in no schedule)"}
        return Report(key=key, outcome=ran.outcome, seconds=seconds, results=ran.results)

    def explain_orphans(self) -> Plan:
        """Look for what sleeps and no environment names; the plan is the next tick's."""
        return self._plan_for_orphans(self._look_for_orphans())

    def _plan_for_orphans(self, observed: Orphans) -> Plan:
        return orphans.plan(observed, schedule=self.schedule, now=self.now())

    def _look_for_orphans(self) -> Orphans:
        readers = self.readers
        return Orphans(pools=read(readers.pools.pools), ledgers=read(readers.ledgers.ledgers))

    def look(self, environment: str) -> Observed:
        """Look at one environment; nothing is written.

        Raises:
            KeyError: the schedule does not name it.
        """
        return observe(environment, self.schedule.named, repository=self.repository, readers=self.readers)

    def plan(self, observed: Observed) -> Plan:
        """Plan for one environment, and strike out what may not be touched. Pure but for the time."""
        now = self.now()
        allowed = enforce_ownership(plan(observed, schedule=self.schedule, now=now), observed, self.schedule)
        wanted = level(self.schedule, observed.name, present(observed.overrides) or (), now)
        return impatient(allowed, observed, awake=wanted.awake, now=now)

    def explain(self, environment: str) -> Explanation:
        """Look at one environment, and say what would be done now and at the next change.

        Raises:
            KeyError: the schedule does not name it.
        """
        observed = self.look(environment)
        forecast = self.forecast(environment, present(observed.overrides) or ())
        following = next(iter(forecast.schedule_changes), None)
        steps = (
            None
            if following is None
            else towards(observed, awake=following.awake, why=following.why, now=following.at)
        )
        return Explanation(
            observed=observed,
            plan=self.plan(observed),
            next=None if steps is None else enforce_ownership(steps, observed, self.schedule),
            forecast=forecast,
        )

    def explain_all(self) -> dict[str, Explanation]:
        """Look at every environment that the schedule names, by name."""
        return {name: self.explain(name) for name in self.schedule.named}

    def features(self) -> Forecast | None:
        """What the calendar says of the branch environments; `None` if the schedule does not name them."""
        if self.schedule.environments.features is None:
            return None
        overrides = read(self.readers.overrides.overrides)
        return self.forecast(FEATURES, present(overrides) or ())

    def forecast(self, environment: str, overrides: tuple[Override, ...]) -> Forecast:
        """Say what the calendar says, of `features` too.

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


def _outcome(ran: RunResult[Observed]) -> Outcome:
    """How a run ended. That something was asked to look again, and did, is no news: what is behind it is."""
    asked = [change for each in ran.plan.ready for change in each.changes]
    if ran.outcome.code == "not_settled" and all(isinstance(each, Refresh) for each in asked):
        return verdict(ran.plan)
    return ran.outcome
