"""Components as the registry lists them: each is found by its own name, and knows how its own things go."""

from app.http.components import parts
from coppice.components.registry import COMPONENTS
from coppice.components.slots import NOT_LOOKED_AT, Slot, Slots, States
from coppice.lifecycle.decision import Ensure
from coppice.reconciler.observation import Absent, Present
from coppice.reconciler.plan import Plan, unread
from deprovisioning.planner import plan as removal
from tests.support.builders import COMMIT, sight
from tests.support.config import CONFIG
from tests.support.program import Program
from tests.support.world import START
from tests.unit.http.looks import looked

NUMBER: Slot[int] = Slot("number")


def test_no_two_components_share_a_name_or_a_kind_or_what_they_remove() -> None:
    for each in (
        [component.state.name for component in COMPONENTS],
        [kind for component in COMPONENTS for kind in component.kinds],
        [subject for component in COMPONENTS for subject in component.subjects],
    ):
        assert len(each) == len(set(each))


def test_exactly_one_component_shows_what_no_other_does() -> None:
    assert [each.shows_the_rest for each in COMPONENTS].count(True) == 1


def test_every_component_is_shown_in_the_order_of_the_registry() -> None:
    shown = parts(sight(), Ensure(COMMIT), Plan(), looked())

    assert [*shown] == [each.state.name for each in COMPONENTS]


def test_what_was_not_looked_at_is_unknown_and_lets_nothing_be_deleted() -> None:
    assert States().get(NUMBER) is NOT_LOOKED_AT
    assert States({"number": Present(7)}).get(NUMBER) == Present(7)
    for component in COMPONENTS:
        observed = sight(head=Absent(), **{component.state.name: NOT_LOOKED_AT})

        left = removal(observed, config=CONFIG, now=START)

        assert (left.ready, left.barrier) == ((), unread("not read: not looked at", NOT_LOOKED_AT.error))


def test_a_slot_holds_what_was_put_into_it_and_leaves_the_others() -> None:
    one = Slots().put(NUMBER, 7)

    assert (Slots().get(NUMBER), one.get(NUMBER)) == (None, 7)
    assert one.put(Slot("other"), 8).get(NUMBER) == 7
    assert one.put(NUMBER, None).get(NUMBER) is None


def test_no_change_has_two_handlers_where_it_is_made_or_where_it_is_removed() -> None:
    reconciler = Program().reconciler
    for handlers in (reconciler.provisioning.handlers, reconciler.deprovisioning.handlers):
        handled = [change for handler in handlers for change in handler.handles]
        assert handled
        assert len(handled) == len(set(handled))
