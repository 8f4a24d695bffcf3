"""The critical path: the reference of the figure about a first run."""

from graphlib import CycleError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.bench.path import FIRST_RUN, Step, critical_path

NAMES = [f"step-{number}" for number in range(8)]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Step]:
    """Steps that depend on earlier ones alone."""
    return {
        name: Step(
            after=tuple(draw(st.sets(st.sampled_from(NAMES[:number]) if number else st.nothing()))),
            trips=draw(st.integers(0, 5)),
        )
        for number, name in enumerate(NAMES[: draw(st.integers(1, len(NAMES)))])
    }


def every_path(steps: dict[str, Step], last: str) -> list[tuple[str, ...]]:
    before = [path for name in steps[last].after for path in every_path(steps, name)]
    return [(*path, last) for path in before] or [(last,)]


@given(graphs(), st.dictionaries(st.sampled_from(NAMES), st.integers(0, 9), max_size=3))
def test_it_is_the_longest_of_all_paths(steps: dict[str, Step], more: dict[str, int]) -> None:
    seconds = {name: float(value) for name, value in more.items() if name in steps}
    lengths = {
        path: sum(steps[name].trips * 2.0 + seconds.get(name, 0.0) for name in path)
        for last in steps
        for path in every_path(steps, last)
    }
    found = critical_path(steps, trip=2.0, seconds=seconds)
    assert found.seconds == max(lengths.values())
    assert sum(steps[name].trips * 2.0 + seconds.get(name, 0.0) for name in found.names) == found.seconds
    assert found.trips == sum(steps[name].trips for name in found.names)
    for before, name in zip(found.names, found.names[1:], strict=False):
        assert before in steps[name].after


def test_what_a_step_takes_beside_its_round_trips_decides_too() -> None:
    steps = {"a": Step(trips=2), "build": Step(trips=0), "end": Step(after=("a", "build"))}
    assert critical_path(steps, trip=0.03).names == ("a", "end")
    slow = critical_path(steps, trip=0.03, seconds={"build": 1.0})
    assert (slow.names, slow.trips) == (("build", "end"), 1)
    assert slow.seconds == pytest.approx(1.03)


def test_a_first_run_ends_with_the_annotation_and_begins_with_the_branch() -> None:
    path = critical_path(FIRST_RUN, trip=0.03, seconds={"build": 0.2})
    assert (path.names[0], path.names[-1]) == ("branch head", "annotation")
    assert "build" in path.names
    assert path.seconds == pytest.approx(path.trips * 0.03 + 0.2)


def test_a_graph_that_is_declared_wrongly_gives_no_path() -> None:
    with pytest.raises(CycleError):
        critical_path({"a": Step(after=("b",)), "b": Step(after=("a",))}, trip=1)
    with pytest.raises(KeyError):
        critical_path({"a": Step(after=("missing",))}, trip=1)
    with pytest.raises(KeyError):
        critical_path({"a": Step()}, trip=1, seconds={"build": 1})
