"""The start of a cold worker beside the modules that it needs."""

from hypothesis import given
from hypothesis import strategies as st

from devtools.bench.cold import figure
from devtools.bench.cold_worker import loaded


@given(st.lists(st.text(), unique=True), st.lists(st.text(), unique=True))
def test_only_what_was_loaded_in_between_counts_and_keeps_its_order(old: list[str], new: list[str]) -> None:
    found = loaded(old, [*old, *(name for name in new if name not in old)])
    assert found == [name for name in new if name not in old]


def test_the_figure_is_the_ratio_of_the_medians() -> None:
    found = figure(worker=[1.2, 9.0, 1.2], imports=[1.0, 1.0, 5.0], modules=7)
    assert (found.value, found.reached) == (1.2, True)
    assert not figure(worker=[1.4], imports=[1.0], modules=7).reached
