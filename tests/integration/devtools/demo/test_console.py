import io
from typing import TextIO

import pytest

from devtools.demo.assertions import UnexpectedStateError, ensure
from devtools.demo.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def print_a_step(out: TextIO) -> str:
    console = Console(out=out)
    with console.step("A step", then="Something is so"):
        console.fact("label", "word " * 40)
        console.command("git push")
    out.seek(0)
    return out.read()


def test_a_log_gets_plain_text() -> None:
    text = print_a_step(io.StringIO())
    assert "\033" not in text
    assert "1. A step" in text
    assert "✓ Something is so" in text


def test_a_terminal_gets_colour() -> None:
    assert "\033[" in print_a_step(Terminal())


def test_long_facts_are_wrapped_under_themselves() -> None:
    lines = [line for line in print_a_step(io.StringIO()).splitlines() if "word" in line]
    assert len(lines) > 1
    assert {line.index("word") for line in lines} == {18}
    assert max(map(len, lines)) <= 110


def test_a_step_whose_check_fails_does_not_print_its_result() -> None:
    out = io.StringIO()
    console = Console(out=out)
    with pytest.raises(UnexpectedStateError), console.step("A step", then="Something is so"):
        ensure(False, "something is so")
    assert "Something is so" not in out.getvalue()
