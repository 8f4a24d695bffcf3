import pytest

from devtools.demo.assertions import UnexpectedStateError, ensure, until


def test_an_expectation_that_is_not_met_is_an_error_that_names_it() -> None:
    ensure(True, "the sun shines")
    with pytest.raises(UnexpectedStateError, match="the sun shines"):
        ensure(False, "the sun shines")


def test_probing_ends_with_the_first_result_or_at_the_deadline() -> None:
    results = iter(["", "", "there"])
    assert until("it is there", lambda: next(results)) == "there"
    with pytest.raises(UnexpectedStateError, match="it is there: not so after 0 s"):
        until("it is there", lambda: None, seconds=0)
