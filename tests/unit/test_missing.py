"""A run that could not test everything says so, and how to get what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest

@pytest.fixture(scope="session")
def server():
    pytest.skip("PostgreSQL is not installed: run `apt-get install postgresql`.")

def test_one(server): pass
def test_two(server): pass
def test_three(): pass
"""
WITHOUT_NPM = 'import pytest; pytest.skip("payloads are missing: run `npm install`", allow_module_level=True)'


@pytest.mark.parametrize("workers", ["0", "2"])
def test_each_missing_program_has_a_line_that_says_how_to_get_it(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_database.py").write_text(TESTS)
    (tmp_path / "test_payloads.py").write_text(WITHOUT_NPM)
    options = [
        "-q",
        "-n",
        workers,
        "-p",
        "tests.support.missing",
        "--rootdir",
        str(tmp_path),
        "-c",
        "/dev/null",
    ]

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert [line for line in ran.stdout.splitlines() if "run `" in line] == [
        "2 skipped: PostgreSQL is not installed: run `apt-get install postgresql`.",
        "1 skipped: payloads are missing: run `npm install`",
    ]


def test_the_tests_of_this_project_have_these_lines(pytestconfig: pytest.Config) -> None:
    hooks = pytestconfig.hook.pytest_terminal_summary.get_hookimpls()

    assert "tests.support.missing" in [each.function.__module__ for each in hooks]
