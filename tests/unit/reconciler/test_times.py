"""A time without a zone means another moment on each machine: it is none."""

from datetime import datetime

import pytest

from coppice.reconciler.times import parse_time


@pytest.mark.parametrize("text", ["2026-03-01T21:05:00Z", "2026-03-01T22:05:00+01:00"])
def test_a_time_is_read_in_the_zone_that_it_names(text: str) -> None:
    assert parse_time(text) == datetime.fromisoformat("2026-03-01T21:05:00+00:00")
    assert parse_time(text).tzinfo is not None


@pytest.mark.parametrize("text", [None, 3, [], "", "soon", "2026-03-01", "2026-03-01T21:05:00", "\ud800"])
def test_anything_else_is_a_value_error(text: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_time(text)
