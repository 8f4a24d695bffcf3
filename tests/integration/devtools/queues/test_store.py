"""What takes too long to wait for: the clock is the test's."""

import pytest

from devtools.emulators.queues.store import Queues, RefusedError


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queues(clock: Clock) -> Queues:
    queues = Queues(now=clock)
    queues.create("work")
    return queues


def test_a_delayed_message_appears_when_its_time_has_come(queues: Queues, clock: Clock) -> None:
    queues.put("work", "later", delay=60)
    clock.now += 59
    assert queues.peek("work", limit=1) == []
    clock.now += 1
    assert [message.text for message in queues.peek("work", limit=1)] == ["later"]


def test_a_message_whose_taker_died_is_taken_again_after_its_lock(queues: Queues, clock: Clock) -> None:
    queues.put("work", "x")
    [first] = queues.take("work", limit=1, lock=600)
    clock.now += 600
    [second] = queues.take("work", limit=1, lock=600)
    assert second.dequeued == 2
    with pytest.raises(RefusedError, match="receipt"):
        queues.remove("work", first.id, first.receipt)
    queues.remove("work", second.id, second.receipt)
    assert queues.count("work") == 0


def test_a_message_goes_after_a_week_unless_it_is_to_stay(queues: Queues, clock: Clock) -> None:
    queues.put("work", "week")
    queues.put("work", "for ever", ttl=-1)
    clock.now += 7 * 24 * 3600
    assert [message.text for message in queues.peek("work", limit=5)] == ["for ever"]


def test_what_became_visible_first_is_taken_first(queues: Queues, clock: Clock) -> None:
    queues.put("work", "second", delay=2)
    queues.put("work", "first", delay=1)
    clock.now += 5
    assert [message.text for message in queues.take("work", limit=5, lock=1)] == ["first", "second"]
