"""The demo's output: plain text in a log, with a little colour on a terminal."""

import contextlib
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TextIO

_BOLD, _DIM, _GREEN, _RED = "1", "2", "32", "31"
_WIDTH = 110
_LABEL = 14


@dataclass
class Console:
    """Prints numbered steps.

    Args:
        out: the stream to write to.
    """

    out: TextIO = field(default_factory=lambda: sys.stdout)
    _steps: int = 0

    def title(self, text: str) -> None:
        """Print the first line."""
        self._line(self._in(_BOLD, text))

    def remark(self, text: str) -> None:
        """Print a sentence or two of explanation."""
        for line in textwrap.wrap(text, _WIDTH - 4):
            self._line(f"    {self._in(_DIM, line)}")

    @contextlib.contextmanager
    def step(self, title: str, *, then: str) -> Iterator[None]:
        """Print a step and how long it took.

        Args:
            title: what happens; printed first.
            then: the result; printed last, and only if every check within the context passed.
        """
        self._steps += 1
        self._line()
        self._line(self._in(_BOLD, f"{self._steps}. {title}"))
        started = time.monotonic()
        yield
        self._line(
            f"    {self._in(_GREEN, '✓')} {then}  {self._in(_DIM, f'({time.monotonic() - started:.1f} s)')}"
        )

    def command(self, text: str) -> None:
        """Print a command that somebody runs."""
        self._line(f"    $ {text}")

    def fact(self, label: str, text: str) -> None:
        """Print an observation, with a label in front."""
        lines = textwrap.wrap(text, _WIDTH - 4 - _LABEL, break_long_words=False, break_on_hyphens=False)
        for line, name in zip_longest(lines, [label], fillvalue=""):
            self._line(f"    {self._in(_DIM, name.ljust(_LABEL))}{line}")

    def ending(self, text: str) -> None:
        """Print the last sentence."""
        self._line()
        self._line(self._in(_BOLD, text))

    def failure(self, text: str) -> None:
        """Print what went wrong."""
        self._line(f"    {self._in(_RED, '✗')} {text}")

    def _in(self, style: str, text: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self.out.isatty() else text

    def _line(self, text: str = "") -> None:
        self.out.write(text + "\n")
        self.out.flush()
