"""Where the time of a run goes."""

from hypothesis import given
from hypothesis import strategies as st

from devtools.bench.calls import Call
from devtools.bench.gaps import Gap, gaps, waited

CALLS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), max_size=12)


def call(began: float, ended: float, what: str = "GET /", system: str = "github") -> Call:
    return Call(system=system, what=what, began=began, ended=ended)


@given(CALLS)
def test_a_moment_is_in_a_gap_or_in_a_call_and_never_in_both(spans: list[tuple[int, int]]) -> None:
    calls = [call(begin, begin + length) for begin, length in spans]
    found = gaps(calls, begin=0, end=60, shortest=0)
    for moment in range(60):
        middle = moment + 0.5
        in_call = any(each.began < middle < each.ended for each in calls)
        assert in_call != any(each.begins < middle < each.ends for each in found)


def test_a_gap_names_the_call_before_it_and_the_call_after_it() -> None:
    calls = [call(5, 6, "last"), call(1, 3, "long"), call(1, 2, "short")]
    assert gaps(calls, begin=0, end=9, shortest=1) == [
        Gap(begins=3, ends=5, after="long", before="last"),
        Gap(begins=6, ends=9, after="last", before=""),
    ]


def test_a_run_without_a_call_is_one_gap() -> None:
    assert gaps([], begin=2, end=5) == [Gap(begins=2, ends=5)]


def test_calls_that_were_under_way_at_once_are_waited_for_once() -> None:
    calls = [call(0, 3), call(1, 4), call(6, 7), call(0, 1, system="arm")]
    arm, github = waited(calls, ("arm", "kubernetes", "github"))
    assert (arm.system, arm.calls) == ("arm", 1)
    assert (github.calls, github.seconds, github.summed) == (3, 5, 7)
