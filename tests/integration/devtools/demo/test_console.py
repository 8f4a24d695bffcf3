import io
from typing import TextIO

import pytest

from devtools.demo.assertions import NotAsToldError, ensure
from devtools.demo.console import Teller


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(out: TextIO) -> str:
    say = Teller(out=out)
    with say.step("A step", then="Something is so"):
        say.fact("label", "word " * 40)
        say.command("git push")
    out.seek(0)
    return out.read()


def test_a_log_gets_plain_text() -> None:
    text = told(io.StringIO())
    assert "\033" not in text
    assert "1. A step" in text
    assert "✓ Something is so" in text


def test_a_terminal_gets_colour() -> None:
    assert "\033[" in told(Terminal())


def test_long_facts_are_wrapped_under_themselves() -> None:
    lines = [line for line in told(io.StringIO()).splitlines() if "word" in line]
    assert len(lines) > 1
    assert {line.index("word") for line in lines} == {18}
    assert max(map(len, lines)) <= 110


def test_what_did_not_come_true_is_not_called_so() -> None:
    out = io.StringIO()
    say = Teller(out=out)
    with pytest.raises(NotAsToldError), say.step("A step", then="Something is so"):
        ensure(False, "something is so")
    assert "Something is so" not in out.getvalue()
