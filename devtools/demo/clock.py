"""The program on a clock that is moved: the same program as in the host, and the same settings.

Each run does what the world is ready for and ends. Its key comes back after a while: here, at once.
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
from devtools.demo.assertions import NotAsToldError
from devtools.demo.narrator import Narrator
from scheduler.reconciler import Reconciler

_A_NIGHT = timedelta(hours=12)
_AGAIN = 0.3  # seconds until a key comes back; a queue takes the 10 to 30 that the run asks for


@dataclass(frozen=True, kw_only=True)
class Night:
    """A night between two working days, and the program in it.

    Attributes:
        narrator: tells what each run does.
        power: the program.
        falls: when the working day ends.
        ends: when waking begins, so that all is up at the hour that is due.
    """

    narrator: Narrator
    power: Reconciler
    falls: datetime
    ends: datetime

    def at(self, moment: datetime) -> Reconciler:
        """The program on a clock that shows a moment now, and goes on from there."""
        began = time.monotonic()
        return replace(self.power, now=lambda: moment + timedelta(seconds=time.monotonic() - began))

    def shown(self, moment: datetime) -> str:
        """A moment as people say it where the schedule is made for."""
        return f"{moment.astimezone(ZoneInfo(self.power.schedule.timezone)):%A, %H:%M}"

    def settle(self, moment: datetime, *environments: str) -> None:
        """Let keys come from a moment on, again and again, until nothing is left to do.

        Args:
            moment: what the clock shows at first.
            environments: the keys.

        Raises:
            NotAsToldError: it takes too long, or somebody else has to do something.
        """
        power, pending, told = self.at(moment), environments, set[str]()
        deadline = time.monotonic() + self.narrator.patience
        while pending:
            reports = {name: power.reconcile(name) for name in pending}
            for name, report in reports.items():
                self._tell(name, report, told)
            pending = tuple(name for name in pending if not isinstance(reports[name].outcome, Done))
            if pending and time.monotonic() > deadline:
                waits = "; ".join(f"{name} waits: {reports[name].outcome.why}" for name in pending)
                raise NotAsToldError(f"nothing is left to do after {self.narrator.patience:.0f} s: {waits}")
            time.sleep(_AGAIN)

    def _tell(self, name: str, report: Report, told: set[str]) -> None:
        """Tell what a run changed, and what it waits for, unless that was told before."""
        for result in report.results:
            failed = f": {result.error}" if result.error else ""
            self.narrator.say.fact(name, f"{result.change}{failed}")
        if isinstance(report.outcome, Stalled):
            raise NotAsToldError(f"{name} goes on by itself: it is stuck, for {report.outcome.why}")
        waits = f"waits: {report.outcome.why}"
        line = "nothing is left to do" if isinstance(report.outcome, Done) else waits
        if f"{name} {line}" not in told:
            self.narrator.say.fact(name, f"  {line}")
        told.add(f"{name} {line}")


def next_night(narrator: Narrator, environment: str) -> Night:
    """Find the next night that is short, between two working days, by the calendar of an environment.

    Args:
        narrator: gives the settings, and tells what happens.
        environment: one that the schedule names.
    """
    power = Container(narrator.world.settings).power
    assert power is not None, "the settings name a schedule"
    schedule_changes = power.forecast(environment, ()).schedule_changes
    nights = ((one.at, other.at) for one, other in pairwise(schedule_changes) if other.awake)
    falls, ends = next((falls, ends) for falls, ends in nights if ends - falls < _A_NIGHT)
    return Night(narrator=narrator, power=power, falls=falls, ends=ends)


def steps(plan: Plan) -> Iterator[str]:
    """A plan, line by line."""
    for item in plan.items:
        match item:
            case Wave(changes):
                yield from map(str, changes)
            case Wait(why) | Blocked(why):
                yield f"  waits: {why}"
