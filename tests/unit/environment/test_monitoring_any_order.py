"""Whoever comes and goes, in whatever order, over whatever others wrote."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from coppice.components.monitoring.jobs import split as without_jobs
from coppice.components.monitoring.merge import owners, with_part, without_part
from coppice.components.monitoring.pattern import split as without_namespaces
from coppice.components.monitoring.shared import JOBS_KEY, Part
from tests.unit.environment.monitoring_texts import JOBS, SETTINGS
from tests.unit.environment.sharing import KEY, after, jobs_of, merged, part, pattern_of, shared

hostile = st.sampled_from(
    [
        "quote\"quote'",
        "# coppice: end {}",
        "!!python/object:os.system",
        "&a *a <<",
        "a: b, [c] {d} - e",
        "😀 é \\ \\n | > %",
        "yes",
        "1e3",
        "null",
        "x" * 2_000,
    ]
)
printable = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12) | hostile
scalars = st.none() | st.booleans() | st.integers(-(2**31), 2**31) | printable
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(printable.filter(lambda key: len(key) < 1_000), inner, max_size=3)
    ),
    max_leaves=5,
)
some_jobs = st.lists(st.fixed_dictionaries({"job_name": printable, "x": values}), max_size=3)
branch_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8) | hostile


class ComingAndGoing(RuleBasedStateMachine):
    """Up to twenty branches arrive, update and depart in any order, over any text of others.

    A few steps would never bring twenty together, so that some are there already when it begins.
    """

    numbers = st.integers(0, 19)

    @initialize(
        text=st.sampled_from(JOBS),
        pattern=st.sampled_from(SETTINGS),
        names=st.lists(branch_names, min_size=20, max_size=20, unique=True),
        arrived=st.integers(0, 20),
        order=st.permutations(range(20)),
    )
    def begin(self, text: str, pattern: str, names: list[str], arrived: int, order: list[int]) -> None:
        self.start = self.there = shared(text, pattern, other="x\r\n")
        self.branches = names
        self.living = dict[int, Part]()
        for number in order[:arrived]:
            jobs = [{"job_name": "pods"}] if number % 3 else []
            self.living[number] = part(names[number], *jobs, annotated=number % 2 == 0, slug=f"b{number}")
        self.there = merged(self.start, *self.living.values())

    @rule(number=numbers, jobs=some_jobs, annotated=st.booleans())
    def push(self, number: int, jobs: list[dict[str, Any]], annotated: bool) -> None:
        new = part(self.branches[number], *jobs, annotated=annotated, slug=f"b{number}")
        if len({job["job_name"] for job in new.jobs}) == len(new.jobs):
            self.there = merged(self.there, new)
            self.living[number] = new
            assert with_part(self.there, new) == ()

    @rule(number=numbers)
    def depart(self, number: int) -> None:
        key = part(self.branches[number]).owner.key
        self.there = after(self.there, without_part(self.there, key))
        self.living.pop(number, None)
        assert without_part(self.there, key) == ()

    @invariant()
    def exactly_the_living_are_there(self) -> None:
        ordered = sorted(self.living.values(), key=lambda each: each.owner.order)
        ours = [job for each in ordered for job in each.jobs]
        assert jobs_of(self.there) == json.loads(json.dumps(ours)) + jobs_of(self.start)
        listed = [each.owner.namespace for each in ordered if each.annotated]
        foreign = pattern_of(self.start)
        assert pattern_of(self.there) == "|".join([*listed, *([foreign] if foreign else [])])
        assert {each.key for each in owners(self.there)} == {
            each.owner.key for each in ordered if each.jobs or each.annotated
        }

    @invariant()
    def what_others_wrote_is_there_to_the_byte(self) -> None:
        assert self.there.jobs is not None
        assert self.there.settings is not None
        assert self.start.jobs is not None
        assert self.start.settings is not None
        jobs, settings_ = self.there.jobs.data, self.there.settings.data
        foreign, _ = without_jobs(jobs[JOBS_KEY])
        assert {**jobs, JOBS_KEY: foreign} == self.start.jobs.data
        foreign, _ = without_namespaces(settings_[KEY])
        assert {**settings_, KEY: foreign} == self.start.settings.data

    def teardown(self) -> None:
        for each in self.living.values():
            self.there = after(self.there, without_part(self.there, each.owner.key))
        for side in ("jobs", "settings"):
            assert getattr(self.there, side).data == getattr(self.start, side).data, "the rest is unchanged"


# A fifth of what others try, for each of these is a whole history.
ComingAndGoing.TestCase.settings = settings(
    max_examples=max(20, settings().max_examples // 5), stateful_step_count=20
)


def test_twenty_branches_live_side_by_side_and_go_in_another_order() -> None:
    for text in JOBS[::5]:
        machine = ComingAndGoing()
        machine.begin(text, SETTINGS[0], [f"b{number}" for number in range(20)], 20, [*range(20)])
        assert len(machine.living) == 20
        for number in (7, 0, 19, *range(1, 7), *range(8, 19)):
            machine.exactly_the_living_are_there()
            machine.what_others_wrote_is_there_to_the_byte()
            machine.depart(number)
        machine.exactly_the_living_are_there()
        machine.teardown()


test_any_order_of_coming_and_going = ComingAndGoing.TestCase


@given(
    text=st.text(
        st.sampled_from("ab:-[]{}# \n\r\t'\"&*|>,") | st.characters(exclude_categories=["Cs"]), max_size=40
    )
)
def test_any_text_comes_back_or_is_left_alone(text: str) -> None:
    for candidate in (text, f"scrape_configs:{text}", f"scrape_configs:\n- job_name: {text}\n"):
        start = shared(candidate)
        changes = with_part(start, part("a", "x"))
        if isinstance(changes, tuple):
            back = after(start, changes)
            back = after(back, without_part(back, part("a").owner.key))
            assert back.jobs is not None
            assert back.jobs.data["prometheus-config"] == candidate
