import threading

import pytest

from coppice.reconciler.controller import run
from coppice.reconciler.correlation import correlated, current
from coppice.reconciler.errors import Unreachable
from coppice.reconciler.outcome import Done, Stalled, Waiting
from coppice.reconciler.plan import Blocked, Change, Plan, Suppressed, Wait, Wave
from tests.support.shop import Put, Shop, puts


def test_the_first_look_takes_no_lock_and_writes_nothing() -> None:
    shop = Shop()

    assert shop.run().outcome == Done()
    assert (shop.looks, shop.taken, shop.puts) == (1, [], [])


def test_done_is_said_only_after_a_look_whose_plan_was_empty() -> None:
    shop = Shop([puts("a")])

    ran = shop.run()

    assert ran.outcome == Done()
    assert shop.looks == 2  # before the change, and after it
    assert ran.plan == Plan()


def test_waves_come_in_order() -> None:
    shop = Shop([puts("a"), puts("b"), puts("c")])

    ran = shop.run()

    assert shop.puts == ["a", "b", "c"]
    assert [str(result.change) for result in ran.results] == ["put a", "put b", "put c"]


def test_a_lock_of_a_change_that_is_soon_given_back_is_waited_for() -> None:
    shop = Shop([puts("a", under="identity")], soon_free={"identity"})
    assert shop.run().outcome == Done()
    assert shop.puts == ["a"]


def test_a_key_that_someone_else_is_at_work_on_comes_back_later() -> None:
    shop = Shop([puts("a")], soon_free={"key"})

    outcome = shop.run().outcome

    assert isinstance(outcome, Waiting)
    assert outcome.code == "busy"
    assert shop.puts == []


def test_the_world_is_looked_at_again_if_somebody_held_the_lock_meanwhile() -> None:
    shop = Shop([puts("a")], disturbed=True)
    look = shop.look

    def someone_was_faster() -> frozenset[str]:
        seen = look()
        shop.stands.add("a")
        return seen

    ran = run(name="key", observe=someone_was_faster, plan=shop.plan, execute=shop.execute, locks=shop)

    assert ran.outcome == Done()
    assert shop.puts == []


def test_a_state_of_the_lock_that_could_not_be_read_is_no_reason_not_to_take_it() -> None:
    class Blind(Shop):
        def state(self, name: str) -> object:
            raise Unreachable(name)

    shop = Blind([puts("a")])

    assert shop.run().outcome == Done()
    assert shop.puts == ["a"]


def test_changes_that_are_made_side_by_side_bear_what_led_to_the_run() -> None:
    together = threading.Barrier(3, timeout=10)
    shop = Shop([puts("a", "b", "c")])

    def execute(_: frozenset[str], change: Change) -> str:
        together.wait()
        shop.stands.add(change.target)
        return current()

    with correlated("a-push"):
        ran = run(name="key", observe=shop.look, plan=shop.plan, execute=execute, locks=shop)

    assert [each.note for each in ran.results] == ["a-push"] * 3


def test_the_changes_of_a_wave_are_made_side_by_side() -> None:
    together = threading.Barrier(3, timeout=10)
    shop = Shop([puts("a", "b", "c")])

    def execute(_: frozenset[str], change: Change) -> None:
        together.wait()
        shop.stands.add(change.target)

    ran = run(name="key", observe=shop.look, plan=shop.plan, execute=execute, locks=shop)

    assert ran.outcome == Done()


def test_changes_that_share_a_lock_are_made_in_sequence_under_it() -> None:
    shop = Shop([[*puts("a", "b", "c", under="identity/i")]])
    at_work = threading.Semaphore(1)

    def execute(_: frozenset[str], change: Change) -> None:
        assert at_work.acquire(blocking=False), "two changes under one lock at once"
        shop.puts.append(change.target)
        shop.stands.add(change.target)
        at_work.release()

    run(name="key", observe=shop.look, plan=shop.plan, execute=execute, locks=shop)

    assert shop.puts == ["a", "b", "c"]
    assert shop.taken == ["key", "identity/i"]


def test_a_busy_lock_of_a_change_is_waited_for_briefly() -> None:
    shop = Shop([puts("a", under="identity/i")], busy={"identity/i"})

    outcome = shop.run().outcome

    assert isinstance(outcome, Waiting)
    assert (outcome.retry_after, "identity/i" in outcome.why) == (3, True)


def test_a_gate_is_waited_for_and_what_stands_before_it_is_done() -> None:
    shop = Shop([puts("a")], barrier=Wait("pods are starting", "rollout", 10))

    assert shop.run().outcome == Waiting("pods are starting", "rollout", 10)
    assert shop.puts == ["a"]


def test_what_stands_behind_a_gate_is_not_done() -> None:
    gate = Wait("namespace is going", "terminating", 5)
    shop = Shop()
    plan = Plan((gate, Wave((Put(name="a"),))))

    ran = run(name="key", observe=shop.look, plan=lambda _: plan, execute=shop.execute, locks=shop)

    assert (ran.outcome, shop.puts) == (Waiting("namespace is going", "terminating", 5), [])


def test_a_stop_is_stalled() -> None:
    assert Shop(barrier=Blocked("refused: Node n", "refused")).run().outcome == Stalled(
        "refused: Node n", "refused"
    )


def test_what_policy_struck_out_is_no_success() -> None:
    plan = Plan(suppressed=(Suppressed(Put(name="a"), "it is someone else's"),))

    ran = run(name="key", observe=lambda: None, plan=lambda _: plan, execute=lambda *_: None, locks=Shop())

    assert ran.outcome == Stalled("put a: it is someone else's", "not_ours")


def test_a_mistake_of_ours_is_not_taken_for_an_outcome() -> None:
    def execute(_: frozenset[str], change: Change) -> None:
        raise ZeroDivisionError

    shop = Shop([puts("a")])
    with pytest.raises(ZeroDivisionError):
        run(name="key", observe=shop.look, plan=shop.plan, execute=execute, locks=shop)
