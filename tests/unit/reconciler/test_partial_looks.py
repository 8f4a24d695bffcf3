"""Between two passes of a run, only what its changes touched is read again."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import ClassVar

from coppice.reconciler.controller import RunResult, run
from coppice.reconciler.errors import Conflict
from coppice.reconciler.outcome import Done, Stalled, Waiting
from coppice.reconciler.plan import Blocked, Wait
from tests.support.shop import Put, Shop


@dataclass(frozen=True, kw_only=True)
class Fill(Put):
    """A change of which is known what it touches."""

    touches: ClassVar[Set[str] | None] = frozenset({"shelf"})


@dataclass
class Watched(Shop):
    """A shop that notes what was read again."""

    partial: list[Set[str]] = field(default_factory=list)

    def look_again(self, before: frozenset[str], touched: Set[str]) -> frozenset[str]:
        self.partial.append(touched)
        return frozenset(self.stands)

    def run(self) -> RunResult[frozenset[str]]:
        return run(
            name="key",
            observe=self.look,
            plan=self.plan,
            execute=self.execute,
            locks=self,
            observe_again=self.look_again,
        )


def fills(*names: str) -> list[Put]:
    return [Fill(name=name) for name in names]


def test_what_changes_touched_is_read_again_and_done_takes_a_look_at_everything() -> None:
    shop = Watched([fills("a", "b")])

    assert shop.run().outcome == Done()
    assert (shop.partial, shop.looks) == ([{"shelf"}], 2)


def test_after_a_change_of_which_it_is_not_known_what_it_touches_everything_is_read_again() -> None:
    shop = Watched([[*fills("a"), Put(name="b")]])

    assert shop.run().outcome == Done()
    assert (shop.partial, shop.looks) == ([], 2)


def test_after_a_lost_race_everything_is_read_again() -> None:
    shop = Watched([fills("a", "b")], errors={"a": [Conflict("it moved")]})

    assert shop.run().outcome == Done()
    assert (sorted(shop.puts), len(shop.partial), shop.looks) == (["a", "a", "b"], 1, 3)


def test_a_run_may_wait_without_a_look_at_everything_for_another_one_follows() -> None:
    shop = Watched([fills("a")], barrier=Wait("it rolls out", "rollout", 5))

    assert shop.run().outcome == Waiting("it rolls out", "rollout", 5)
    assert (shop.partial, shop.looks) == ([{"shelf"}], 1)


def test_a_run_ends_without_another_look_where_its_changes_always_have_to_be_waited_for() -> None:
    shop = Watched([fills("a")], barrier=Wait("it rolls out", "rollout", 5, certain=True))

    assert shop.run().outcome == Waiting("it rolls out", "rollout", 5)
    assert (shop.puts, shop.partial, shop.looks) == (["a"], [], 1)


def test_a_change_that_failed_is_looked_at_again_though_the_others_have_to_be_waited_for() -> None:
    wait = Wait("it rolls out", "rollout", 5, certain=True)
    shop = Watched([fills("a", "b")], barrier=wait, errors={"a": [Conflict("it moved")]})

    assert shop.run().outcome == Waiting("it rolls out", "rollout", 5)
    assert (sorted(shop.puts), shop.looks) == (["a", "a", "b"], 2)


def test_a_run_stalls_only_after_a_look_at_everything() -> None:
    shop = Watched([fills("a")], barrier=Blocked("it is not ours", "not_ours"))

    assert shop.run().outcome == Stalled("it is not ours", "not_ours")
    assert shop.looks == 2


def test_a_change_that_part_of_a_look_does_not_show_is_looked_for_in_all_of_it() -> None:
    class Stale(Watched):
        def look_again(self, before: frozenset[str], touched: Set[str]) -> frozenset[str]:
            return before

    shop = Stale([fills("a")])

    assert shop.run().outcome == Done()
    assert shop.puts == ["a"]
