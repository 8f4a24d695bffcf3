import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.host.templates import template


@pytest.mark.parametrize("path", ["environments", "environments/"])
def test_a_catch_all_matches_nothing_too(path: str) -> None:
    assert template("environments/{*branch}").match(path) == {}


@given(st.text(min_size=1))
def test_a_catch_all_takes_whatever_follows(rest: str) -> None:
    assert template("environments/{*branch}").match(f"environments/{rest}") == {"branch": rest}


def test_a_catch_all_does_not_take_what_only_begins_alike() -> None:
    assert template("environments/{*branch}").match("environmentsx") is None


def test_a_catch_all_may_be_all_there_is() -> None:
    assert template("{*path}").match("a/b") == {"path": "a/b"}
    assert template("{*path}").match("") == {}


def test_a_parameter_takes_one_segment() -> None:
    assert template("power/{environment}").match("power/dev") == {"environment": "dev"}
    assert template("power/{environment}").match("power/dev/") == {"environment": "dev"}
    assert template("power/{environment}").match("power/dev/x") is None
    assert template("power/{environment}").match("power") is None


def test_literals_match_as_a_whole_and_without_regard_to_case() -> None:
    assert template("sweep").match("Sweep") == {}
    assert template("sweep").match("sweep/") == {}
    assert template("sweep").match("sweeper") is None
    assert template("a.c").match("abc") is None


@pytest.mark.parametrize("route", ["x/{id:int}", "x/{id?}", "{*all}/x", "x-{id}"])
def test_a_route_that_this_host_does_not_know_is_refused(route: str) -> None:
    with pytest.raises(ValueError, match="route"):
        template(route)
