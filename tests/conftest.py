"""Property tests find the same examples on every run; `--hypothesis-profile=thorough` looks longer.

A run ends with what it could not test.
"""

from hypothesis import settings

from tests.missing import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

settings.register_profile("default", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("thorough", deadline=None, derandomize=True, max_examples=10_000)
settings.load_profile("default")
