"""What a run reads again after its changes is all that they have altered."""

from collections.abc import Callable
from typing import Any

import pytest

import app.branch_plan
from coppice.components.observed import Observed
from coppice.lifecycle.observe_branch import observe_branch
from coppice.reconciler.plan import Change
from tests.support.program import Program
from tests.unit.reconcile.test_interruptions import begin, stories


@stories
def test_an_observation_with_parts_of_an_earlier_one_equals_one_of_everything(
    story: Callable[[Program], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = begin(story)
    partial: list[Observed] = []

    def observed_twice(key: Any, **options: Any) -> Observed:
        found = observe_branch(key, **options)
        if options["before"] is not None:
            partial.append(found)
            assert found == observe_branch(key, config=options["config"], readers=options["readers"])
        return found

    monkeypatch.setattr(app.branch_plan, "observe_branch", observed_twice)
    program.sweep()
    program.drain()

    assert partial or story.__name__ in {"deleted", "deleted_half_made", "held", "refused"}


def test_every_change_of_a_branch_says_what_it_touches_but_the_deletion_of_its_record() -> None:
    changes = [each for each in _every(Change) if each.__module__.startswith("coppice")]
    silent = {each.__name__ for each in changes if each.touches is None}
    assert silent == {"Delete", "DeleteRecord", "Remove"}


def _every(of: Any) -> list[Any]:
    return [each for one in of.__subclasses__() for each in (one, *_every(one))]
