"""The picture of a run: a file that says the same each time, and that any browser can read."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from devtools.bench.calls import KUBERNETES, POSTGRES, Call
from devtools.bench.waterfall import label, layout, svg

SPACE = "{http://www.w3.org/2000/svg}"
CALLS = st.lists(
    st.builds(
        lambda began, length, what: Call(system=KUBERNETES, what=what, began=began, ended=began + length),
        st.floats(0, 5),
        st.floats(0, 4),
        st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1),
    ),
    max_size=20,
)


def call(began: float, ended: float, what: str = "GET /a", system: str = KUBERNETES) -> Call:
    return Call(system=system, what=what, began=began, ended=ended)


@given(CALLS)
def test_each_call_has_a_row_of_its_own_inside_the_picture(calls: list[Call]) -> None:
    rows = layout(calls, begin=0, end=10)
    assert len({row.y for row in rows}) == len(rows) == len(calls)
    assert [row.call.began for row in rows] == sorted(each.began for each in calls)
    assert all(row.x >= 430 and row.x + row.width <= 1140 for row in rows)


@given(CALLS, st.randoms(use_true_random=False))
def test_the_order_in_which_calls_ended_does_not_change_the_file(calls: list[Call], mixed: object) -> None:
    shuffled = sorted(calls, key=lambda _: mixed.random())  # type: ignore[attr-defined]
    assert svg("x", calls, begin=0, end=10) == svg("x", shuffled, begin=0, end=10)


@given(CALLS)
def test_it_is_well_formed_and_tells_each_call_in_full(calls: list[Call]) -> None:
    drawn = ET.fromstring(svg("a < b & c", calls, begin=0, end=10))
    titles = [each.text or "" for each in drawn.iter(f"{SPACE}title")]
    assert titles[0] == "a < b & c"
    for each in calls:
        assert any(each.what in title for title in titles)


def test_a_bar_is_as_long_as_its_call() -> None:
    short, long = layout([call(0, 1), call(2, 6)], begin=0, end=10)
    assert long.width == 4 * short.width
    assert long.x - short.x == 2 * short.width


def test_the_legend_counts_the_calls_of_each_system() -> None:
    drawn = svg("x", [call(0, 1), call(1, 2), call(1, 2, system=POSTGRES)], begin=0, end=2)
    assert "kubernetes (2)" in drawn
    assert "postgres (1)" in drawn


def test_a_gap_is_drawn_and_says_what_ran_in_it() -> None:
    calls = [call(0, 1), call(3, 4)]
    assert "2000: Kustomize.build" in svg("x", calls, begin=0, end=4, explained=lambda _: "Kustomize.build")
    assert "2000<" in svg("x", calls, begin=0, end=4)


def test_what_ran_in_a_gap_near_the_left_edge_does_not_cover_the_labels() -> None:
    drawn = svg("x", [call(0, 1), call(3, 100)], begin=0, end=100, explained=lambda _: "Kustomize.build")
    assert ">2000<" in drawn
    assert "no call under way: 2000: Kustomize.build" in drawn


def test_a_long_path_keeps_its_end_and_a_long_statement_its_beginning() -> None:
    assert label("GET /a/b", 20) == "GET /a/b"
    path = label(f"GET /{'a' * 50}/deployments/web", 24)
    assert (len(path), path) == (24, "GET …aaa/deployments/web")
    assert label(f"SELECT {'a' * 50}", 12) == "SELECT aaaa…"
