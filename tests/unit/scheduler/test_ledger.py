from datetime import timedelta

import pytest

from coppice.reconciler.outcome import Done
from scheduler.ledger import Ledger, SleepPeriod, Wake
from scheduler.schedule import Price
from tests.unit.scheduler.world import EVENING, MORNING, World

HOUR = timedelta(hours=1)


def after_one_sleep_period() -> World:
    world = World(now=EVENING)
    world.run_until_done(minutes=0)
    world.now = EVENING + HOUR * 9.5
    world.run_until_done()
    world.now = MORNING
    world.run_until_done(minutes=0.5)
    return world


def test_a_sleep_period_lasts_from_its_first_to_its_last_verification() -> None:
    world = after_one_sleep_period()
    (period,) = world.ledgers["dev"].sleep_periods
    assert period == SleepPeriod(EVENING, MORNING, {"dev": 2, "gpu": 1})
    assert world.ledgers["dev"].node_hours() == {"dev": 20, "gpu": 10}


def test_the_duration_of_a_wake_is_recorded() -> None:
    (wake,) = after_one_sleep_period().ledgers["dev"].wakes
    assert wake.began == MORNING
    assert timedelta() < wake.took < timedelta(minutes=10)


def test_hours_that_were_not_verified_are_not_counted() -> None:
    world = World(now=EVENING)
    world.run_until_done(minutes=0)
    world.push(world.commits[0])  # somebody woke it by hand at an unknown time
    world.now = EVENING + HOUR * 9
    world.run_until_done()
    (period,) = world.ledgers["dev"].sleep_periods
    assert (period.since, period.until) == (EVENING, EVENING)


def test_sleep_is_verified_once_an_hour_and_not_at_every_tick() -> None:
    world = World(now=EVENING)
    world.run_until_done(minutes=0)
    versions = []
    for _ in range(24):
        world.settle(minutes=5)
        assert isinstance(world.tick().outcome, Done)
        versions.append(world.ledgers["dev"].version)
    assert len(set(versions)) == 3


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        (None, None),
        (Price(currency="EUR", pools={"dev": 0.1}), None),
        (Price(currency="EUR", pools={"dev": 0.1, "gpu": 3.0}), 32.0),
    ],
)
def test_without_a_price_no_saved_amount_is_reported(price: Price | None, amount: float | None) -> None:
    assert after_one_sleep_period().ledgers["dev"].saved(price) == amount


def test_the_oldest_entries_are_dropped() -> None:
    ledger = Ledger(environment="dev")
    for day in range(500):
        now = EVENING + timedelta(days=day)
        ledger = (
            ledger.mark_asleep(now, {}).verify(now + HOUR).begin("up", now + HOUR).mark_awake(now + 2 * HOUR)
        )
    assert (len(ledger.sleep_periods), len(ledger.wakes)) == (400, 400)
    assert ledger.sleep_periods[-1].until == EVENING + timedelta(days=499) + HOUR
    assert ledger.wakes[-1] == Wake(EVENING + timedelta(days=499) + HOUR, HOUR)
