"""The scheduler on a clock that the demo moves, with the same code and settings as in the host.

Each run takes the steps that are possible now and ends. The queue would run it again later; the demo does so
at once.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from app.container import Container
from coppice.reconciler.outcome import Done, Stalled
from coppice.reconciler.plan import Blocked, Plan, Wait, Wave
from coppice.reconciler.report import Report
from devtools.demo.assertions import UnexpectedStateError
from devtools.demo.narrator import Narrator
from scheduler.reconciler import Reconciler

_LONGEST_NIGHT = timedelta(hours=12)
_REQUEUE_SECONDS = 0.3  # between two runs; on the queue it is the 10 to 30 seconds that the run asks for


@dataclass(frozen=True, kw_only=True)
class SleepPeriod:
    """A night between two working days, and the scheduler.

    Attributes:
        narrator: prints what each run does.
        power: the scheduler.
        starts: when the working day ends.
        ends: when waking begins, early enough for the start of the next working day.
    """

    narrator: Narrator
    power: Reconciler
    starts: datetime
    ends: datetime

    def at(self, moment: datetime) -> Reconciler:
        """The scheduler with a clock that starts at a moment and goes on from there."""
        began = time.monotonic()
        return replace(self.power, now=lambda: moment + timedelta(seconds=time.monotonic() - began))

    def local_time(self, moment: datetime) -> str:
        """The weekday and hour of a moment, in the schedule's time zone."""
        return f"{moment.astimezone(ZoneInfo(self.power.schedule.timezone)):%A, %H:%M}"

    def reconcile_until_done(self, moment: datetime, *environments: str) -> None:
        """Run the scheduler for environments until nothing is left to do.

        Args:
            moment: where the clock starts.
            environments: the environments' names.

        Raises:
            UnexpectedStateError: it takes too long, or a run is stalled.
        """
        power, pending, printed = self.at(moment), environments, set[str]()
        deadline = time.monotonic() + self.narrator.patience
        while pending:
            reports = {name: power.reconcile(name) for name in pending}
            for name, report in reports.items():
                self._print_report(name, report, printed)
            pending = tuple(name for name in pending if not isinstance(reports[name].outcome, Done))
            if pending and time.monotonic() > deadline:
                waiting = "; ".join(f"{name} waits: {reports[name].outcome.why}" for name in pending)
                limit = f"{self.narrator.patience:.0f} s"
                raise UnexpectedStateError(f"nothing is left to do after {limit}: {waiting}")
            time.sleep(_REQUEUE_SECONDS)

    def _print_report(self, name: str, report: Report, printed: set[str]) -> None:
        """Print what a run changed, and what it waits for unless that was printed before."""
        for result in report.results:
            failed = f": {result.error}" if result.error else ""
            self.narrator.console.fact(name, f"{result.change}{failed}")
        if isinstance(report.outcome, Stalled):
            raise UnexpectedStateError(f"{name} goes on by itself: it is stuck, for {report.outcome.why}")
        waiting = f"waits: {report.outcome.why}"
        line = "nothing is left to do" if isinstance(report.outcome, Done) else waiting
        if f"{name} {line}" not in printed:
            self.narrator.console.fact(name, f"  {line}")
        printed.add(f"{name} {line}")


def next_sleep_period(narrator: Narrator, environment: str) -> SleepPeriod:
    """Find the next night between two working days, by the schedule of an environment.

    Args:
        narrator: has the settings; it prints what happens in that night.
        environment: an environment that the schedule names.
    """
    power = Container(narrator.world.settings).power
    assert power is not None, "the settings name a schedule"
    schedule_changes = power.forecast(environment, ()).schedule_changes
    nights = ((one.at, other.at) for one, other in pairwise(schedule_changes) if other.awake)
    starts, ends = next((starts, ends) for starts, ends in nights if ends - starts < _LONGEST_NIGHT)
    return SleepPeriod(narrator=narrator, power=power, starts=starts, ends=ends)


def plan_lines(plan: Plan) -> Iterator[str]:
    """The changes and waits of a plan, one a line."""
    for item in plan.items:
        match item:
            case Wave(changes):
                yield from map(str, changes)
            case Wait(why) | Blocked(why):
                yield f"  waits: {why}"
