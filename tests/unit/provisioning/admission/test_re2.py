"""Regular expressions: what both Python and Go's RE2 take passes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.admission.re2 import refusal

PIECES = ["a", "-", ".", "^", "$", "|", "(", "(?:", ")", ")", "*", "+", "?", "*?", "{2}", "{1,5}", "[a-z]"]
PIECES += ["[]a]", "[^]", "[", "]", "\\d", "\\.", "\\1", "(?=", "(?P<n>", "é", "{", "}", "[--a]", "\\b"]


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "(.*)",
        "web|nats",
        "(?i)web",
        r"([^:]+)(?::\d+)?;(\d+)",
        r"(.+?)(\:\d+)?",
        "[]a-z_]{2,10}",
        r"(?P<host>[\w.-]+):\d{1,5}",
        "größe😀",
        r"a\.b\\c",
    ],
)
def test_ordinary_expressions_pass(pattern: str) -> None:
    assert refusal(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        r"(a)\1",
        "(?P<n>a)(?P=n)",
        "(?>a)",
        "a*+",
        "a++",
        "a**",
        "(?#x)",
        "a(?i)b",
        r"a\Z",
        r"\q",
        "*a",
        "(a",
        "a)",
        "[a",
        "a{",
        "[z-a]",
        "[[:alpha:]]",
        "[a--b]",
        r"[]\b)^[a]",
        "a{1001}",
        "(a{100}){100}",
        "x" * 1_001,
        "(" * 51 + ")" * 51,
        "(" + "x" * 98 + "){101}",
    ],
)
def test_what_one_of_them_does_not_take_is_refused(pattern: str) -> None:
    assert refusal(pattern)


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_what_passes_compiles(pattern: str) -> None:
    if not refusal(pattern):
        re.compile(pattern)


def test_what_repeats_is_counted_as_often_as_it_repeats() -> None:
    """A repetition is written out when it is compiled, with some 40 bytes for each character."""
    assert refusal("(" + "x" * 93 + "){100}") == ""
    assert (
        refusal("(" + "x" * 94 + "){100}")
        == "is longer than 10000 characters, once its repetitions are written out"
    )
    assert refusal("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?") == ""
