import pytest

from coppice.reconciler.controller import run
from coppice.reconciler.errors import (
    Conflict,
    Failure,
    Forbidden,
    Gone,
    NotSetUp,
    QuotaReached,
    Throttled,
    Unreachable,
)
from coppice.reconciler.outcome import Done, Stalled, Waiting
from coppice.reconciler.plan import Change, Plan, Wave
from tests.support.shop import Put, Shop, puts


def test_a_failed_change_stops_later_waves_and_not_its_own() -> None:
    shop = Shop([puts("a", "b"), puts("c")], errors={"a": [Unreachable("reset")]})

    ran = shop.run()

    assert sorted(shop.puts) == ["a", "b"]
    assert [result.error is None for result in ran.results] == [False, True]
    assert ran.outcome == Waiting("reset", "unreachable", 15)


@pytest.mark.parametrize("error", [Conflict("it moved"), Gone("it went")])
def test_a_lost_race_is_looked_at_again_at_once(error: Failure) -> None:
    shop = Shop([puts("a", "b")], errors={"a": [error]})

    ran = shop.run()

    assert ran.outcome == Done()
    assert sorted(shop.puts) == ["a", "a", "b"]


def test_a_conflict_that_says_when_to_come_back_is_waited_for() -> None:
    shop = Shop([puts("a")], errors={"a": [Conflict("a write is under way", retry_after=20)]})

    assert shop.run().outcome == Waiting("a write is under way", "conflict", 20)


@pytest.mark.parametrize("error", [Forbidden("403: grant the role"), NotSetUp("run kubectl apply")])
def test_what_nobody_but_a_person_can_mend_is_stalled_and_says_what_to_do(error: Failure) -> None:
    shop = Shop([puts("a", "b")], errors={"a": [error], "b": [Throttled("slow down", retry_after=9)]})

    outcome = shop.run().outcome

    assert isinstance(outcome, Stalled)
    assert outcome.code == error.code
    assert error.message in outcome.why


def test_throttling_is_waited_for_as_long_as_it_says() -> None:
    shop = Shop([puts("a")], errors={"a": [Throttled("slow down", retry_after=42)]})

    assert shop.run().outcome == Waiting("slow down", "throttled", 42)


def test_of_several_waits_the_longest_counts_and_each_reason_is_told_once() -> None:
    errors: dict[str, list[Failure]] = {
        "a": [Throttled("slow down", retry_after=7)],
        "b": [Throttled("slow down", retry_after=8)],
        "c": [QuotaReached("full")],
    }

    assert Shop([puts("a", "b", "c")], errors=errors).run().outcome == Waiting(
        "slow down; full", "throttled", 8
    )


def test_a_place_that_was_taken_is_worth_another_look_for_there_may_be_another_one() -> None:
    shop = Shop(errors={"a": [QuotaReached("full")]})

    def plan(stands: frozenset[str]) -> Plan:
        left = () if "b" in stands else puts("b" if shop.puts else "a")
        return Plan((Wave(tuple(left)),) if left else ())

    ran = run(name="key", observe=shop.look, plan=plan, execute=shop.execute, locks=shop)

    assert (ran.outcome, shop.puts) == (Done(), ["a", "b"])


def test_what_fails_again_in_the_same_way_keeps_its_face() -> None:
    shop = Shop([puts("a")], errors={"a": [QuotaReached("full"), QuotaReached("full")]}, forgets=True)

    outcome = shop.run().outcome

    assert isinstance(outcome, Waiting)
    assert (outcome.code, outcome.why) == ("quota_reached", "full")


def test_a_lease_is_renewed_before_each_change_so_that_a_wave_that_takes_long_keeps_it() -> None:
    shop = Shop([puts("a", "b", under="lock/of-both")])
    execute = shop.execute

    def lose(seen: frozenset[str], change: Change) -> None:
        execute(seen, change)
        shop.lost = True

    ran = run(name="key", observe=shop.look, plan=shop.plan, execute=lose, locks=shop)

    assert shop.puts == ["a"]
    assert isinstance(ran.outcome, Waiting)


def test_a_pass_that_plans_again_what_the_last_one_did_waits() -> None:
    """Success was reported, and nothing had changed."""
    shop = Shop([puts("a")], forgets=True)

    outcome = shop.run().outcome

    assert isinstance(outcome, Waiting)
    assert (outcome.code, shop.puts) == ("not_settled", ["a"])
    assert "put a" in outcome.why


def test_a_world_that_never_settles_does_not_hold_a_worker() -> None:
    shop = Shop()
    numbers = iter(range(1000))

    def plan(_: frozenset[str]) -> Plan:
        return Plan((Wave((Put(name=str(next(numbers))),)),))

    ran = run(name="key", observe=shop.look, plan=plan, execute=shop.execute, locks=shop)

    assert isinstance(ran.outcome, Waiting)
    assert ran.outcome.code == "not_settled"
    assert len(shop.puts) < 20


def test_whoever_has_lost_its_lease_acts_no_more() -> None:
    shop = Shop([puts("a"), puts("b")])
    execute = shop.execute

    def lose(seen: frozenset[str], change: Change) -> None:
        execute(seen, change)
        shop.lost = True

    ran = run(name="key", observe=shop.look, plan=shop.plan, execute=lose, locks=shop)

    assert shop.puts == ["a"]
    assert isinstance(ran.outcome, Waiting)


def test_a_lock_that_cannot_be_asked_for_is_an_outcome() -> None:
    why = "namespace coppice-system does not exist: run kubectl apply"

    assert Shop([puts("a")], broken=NotSetUp(why)).run().outcome == Stalled(why, "not_set_up")


class Sent(Put):
    """What no look shows: it is planned until the last of its plan was put."""

    unseen = True


def sent(*names: str) -> list[Put]:
    return [Sent(name=name) for name in names]


def unshown(shop: Shop, observed: frozenset[str]) -> Plan:
    """Everything, until the mark stands that says that all of it was put."""
    return Plan() if "mark" in observed else Plan(tuple(Wave(tuple(wave)) for wave in shop.waves))


def test_what_was_made_and_no_look_shows_is_not_made_again_for_a_race_that_was_lost_after_it() -> None:
    lost = [Conflict("somebody was faster"), Conflict("and again")]
    shop = Shop([sent("a", "b"), sent("c"), puts("shared"), puts("mark")], errors={"shared": [*lost]})

    ran = run(
        name="key", observe=shop.look, plan=lambda seen: unshown(shop, seen), execute=shop.execute, locks=shop
    )

    assert sorted(shop.puts[:3]) == ["a", "b", "c"]
    assert shop.puts[3:] == ["shared", "shared"]
    assert ran.outcome == Waiting("and again", "conflict", 15)


def test_of_what_no_look_shows_that_is_made_again_which_failed_and_what_comes_after() -> None:
    shop = Shop([sent("a", "b"), sent("c"), puts("mark")], errors={"b": [Conflict("it moved")]})

    ran = run(
        name="key", observe=shop.look, plan=lambda seen: unshown(shop, seen), execute=shop.execute, locks=shop
    )

    assert ran.outcome == Done()
    assert sorted(shop.puts[:2]) == ["a", "b"]
    assert shop.puts[2:] == ["b", "c", "mark"]


def test_once_something_before_it_has_to_be_made_what_no_look_shows_is_made_again() -> None:
    shop = Shop(errors={"mark": [Gone("the namespace went")]})

    def plan(seen: frozenset[str]) -> Plan:
        waves = [*([] if shop.looks < 2 else [puts("namespace")]), sent("a"), puts("mark")]
        return unshown(Shop(waves), seen)

    ran = run(name="key", observe=shop.look, plan=plan, execute=shop.execute, locks=shop)

    assert ran.outcome == Done()
    assert shop.puts == ["a", "mark", "namespace", "a", "mark"]
