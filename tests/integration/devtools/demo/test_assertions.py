import pytest

from devtools.demo.assertions import NotAsToldError, ensure, until


def test_what_should_be_and_is_not_is_an_error_that_says_it() -> None:
    ensure(True, "the sun shines")
    with pytest.raises(NotAsToldError, match="the sun shines"):
        ensure(False, "the sun shines")


def test_looking_ends_as_soon_as_it_is_there_and_at_the_deadline_if_it_is_not() -> None:
    looks = iter(["", "", "there"])
    assert until("it is there", lambda: next(looks)) == "there"
    with pytest.raises(NotAsToldError, match="it is there: not so after 0 s"):
        until("it is there", lambda: None, seconds=0)
