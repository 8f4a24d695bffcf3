"""The arithmetic of the benchmarks: a figure that is counted wrongly proves nothing."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.bench import build, burst, sharing
from devtools.bench.__main__ import main
from devtools.bench.applying import LIMITS, Taken, figures
from devtools.bench.burst import Burst, best
from devtools.bench.figure import Figure
from devtools.bench.instrumented import covered
from devtools.bench.sharing import Shared
from devtools.bench.timing import percentile

FIGURE = Figure(name="of x", value=0.51234, unit="times the reference", reference="y, 2 s", most=0.5)
SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10)), max_size=20)


def test_a_figure_is_one_line_of_json_with_what_it_is_measured_beside() -> None:
    line = FIGURE.line()

    assert "\n" not in line
    assert json.loads(line) == {
        "figure": "of x",
        "value": 0.512,
        "unit": "times the reference",
        "reference": "y, 2 s",
        "must": "<= 0.5",
        "reached": False,
    }


def test_a_limit_that_is_just_kept_is_reached() -> None:
    assert replace(FIGURE, value=0.5).reached
    assert not replace(FIGURE, value=0.5001).reached


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_so_large_a_share_does_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(each <= found for each in values) >= share * len(values) * (1 - 1e-9)
    assert sum(each < found for each in values) < math.ceil(share * len(values))


@given(SPANS)
def test_time_that_several_spans_share_counts_once(spans: list[tuple[int, int]]) -> None:
    taken = {moment for begins, length in spans for moment in range(begins, begins + length)}
    assert covered((begins, begins + length) for begins, length in spans) == len(taken)


def test_the_best_schedule_is_the_tighter_of_both_limits() -> None:
    assert best(200, 10) == pytest.approx(100)
    assert best(200, 4) == pytest.approx(200)


def test_a_build_is_measured_beside_the_process_that_takes_the_usual_time() -> None:
    found = build.figure(ours=[0.01, 0.04, 9.0], theirs=[0.1, 0.1, 0.2], objects=22)
    assert found.value == pytest.approx(0.4)
    assert found.most == 0.5


def test_a_write_that_overlapped_is_no_matter_of_speed() -> None:
    fast = Burst(workers=1, seconds=100, overlapping=0, throttled=3, peak_megabytes=120)
    assert burst.figure(fast).reached
    assert not burst.figure(replace(fast, overlapping=1)).reached


def test_branches_that_share_something_are_measured_beside_as_many_that_are_alone() -> None:
    one, many = Shared(changes=30, lost=0, seconds=2), Shared(changes=1560, lost=20, seconds=40)
    found = sharing.figure(one, many, branches=50)
    assert (found.value, found.reached) == (1.04, True)
    assert not sharing.figure(one, replace(many, changes=1740), branches=50).reached


def test_applying_is_measured_beside_the_faster_way_of_kubectl() -> None:
    steps = [step for step, delay in LIMITS if delay == 30]
    taken = Taken(
        ours={each: [1.0, 2.0, 9.0] for each in steps},
        whole={each: [3.0] for each in steps},
        fresh=[2.5],
        kubectl={each: [10.0] for each in steps},
        server_side={each: [8.0] for each in steps},
    )
    assert [each.value for each in figures(taken, delay=30)] == [0.25] * len(steps)


def test_a_figure_that_is_not_known_is_said_and_nothing_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["speed"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "there is no figure 'speed'" in printed.err
