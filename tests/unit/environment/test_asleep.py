"""When a branch's environment sleeps, and what outweighs the night."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from coppice.components.observed import Observed
from coppice.lifecycle.decision import Ensure, decide
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.observation import Absent, Present, Unknown
from tests.support.builders import applied, namespace_for, noting, record_of, request_of, sight
from tests.support.config import CONFIG
from tests.support.world import START

NIGHT = START - timedelta(minutes=30)
HOURS_AGO = START - timedelta(hours=5)
UNREAD = Unknown(Unreachable("connection reset"))


def decided(observed: Observed) -> Ensure:
    verdict = decide(observed, config=CONFIG, now=START)
    assert isinstance(verdict, Ensure)
    return verdict


def at_night(
    *, asleep: bool = False, at: datetime = HOURS_AGO, asked: str = "", **changes: object
) -> Observed:
    namespace = namespace_for("x", applied(asleep=asleep, at=at, asked=asked), created=HOURS_AGO)
    return sight("x", **{"namespace": Present(namespace), "asleep_since": Present(NIGHT), **changes})


def test_an_environment_sleeps_at_night() -> None:
    assert decided(at_night()) == Ensure("a" * 40, "it is to sleep", asleep=True, routine=True)


def test_an_environment_that_sleeps_stays_as_it_is() -> None:
    assert decided(at_night(asleep=True)) == Ensure("a" * 40, "", asleep=True)


def test_an_environment_wakes_when_the_night_is_over() -> None:
    assert decided(at_night(asleep=True, asleep_since=Absent())) == Ensure(
        "a" * 40, "it is to wake", routine=True
    )


@pytest.mark.parametrize("asleep", [True, False])
def test_an_environment_is_left_as_it_is_while_nobody_knows_whether_it_is_night(asleep: bool) -> None:
    assert decided(at_night(asleep=asleep, asleep_since=UNREAD)) == Ensure("a" * 40, "", asleep=asleep)


@pytest.mark.parametrize("asleep", [True, False])
def test_a_push_since_the_night_began_wakes_an_environment(asleep: bool) -> None:
    verdict = decided(at_night(asleep=asleep, head=Present("b" * 40)))

    assert not verdict.asleep
    assert verdict.due


def test_what_was_applied_awake_since_the_night_began_stays_awake() -> None:
    assert decided(at_night(at=NIGHT + timedelta(minutes=1))) == Ensure("a" * 40)


def test_a_fresh_environment_is_not_put_to_sleep() -> None:
    young = namespace_for("x", applied(at=HOURS_AGO), created=START - timedelta(minutes=59))

    assert not decided(at_night(namespace=Present(young))).asleep


@pytest.mark.parametrize("zone", ["UTC", "Europe/Zurich", "America/New_York"])
@pytest.mark.parametrize(("minutes", "asleep"), [(10, False), (-10, True)])
def test_a_request_outweighs_the_night_only_if_it_was_made_since(
    zone: str, minutes: int, asleep: bool
) -> None:
    asked = request_of("x", "apply", at=(NIGHT + timedelta(minutes=minutes)).isoformat())
    night = Present(NIGHT.astimezone(ZoneInfo(zone)))

    observed = at_night(asked=asked.at, records=noting(record_of("x"), asked), asleep_since=night)

    assert decided(observed).asleep is asleep
