import threading

import pytest

from coppice.reconciler.concurrency import concurrently, side_by_side


def mistake() -> None:
    raise ZeroDivisionError


def test_calls_are_made_side_by_side_and_answer_in_their_order() -> None:
    together = threading.Barrier(2, timeout=10)
    assert side_by_side(together.wait, together.wait) in ([0, 1], [1, 0])
    assert side_by_side(lambda: 1, lambda: 2, lambda: 3) == [1, 2, 3]


def test_a_mistake_in_a_call_is_raised_though_nobody_asks_for_its_result() -> None:
    ended: list[int] = []

    def unasked() -> None:
        with concurrently() as start:
            start(mistake)
            start(lambda: ended.append(1))

    with pytest.raises(ZeroDivisionError):
        unasked()
    assert ended == [1]
