"""What `make` does on a machine that is not ready, and what is installed on one that is."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAMP = ".venv/.installed"
# Debian's Python without python3-venv: it makes the folder, misses ensurepip, and leaves what it has made.
NO_ENSUREPIP = f"""#!/bin/sh
case "$*" in
*venv*) {sys.executable} -m venv --without-pip .venv; echo "apt install python3-venv" >&2; exit 1;;
*) exec {sys.executable} "$@";;
esac
"""
OLD = f"""#!/bin/sh
exec {sys.executable} -c 'import sys; sys.version_info = (3, 10, 9); sys.version = "3.10.9 of old"
exec(sys.argv[2])' "$@"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the Makefile, and nothing to be installed."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).touch()
    return tmp_path


def make(clone: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run make with a Python: a program, or the text of one."""
    if python.startswith("#!"):
        script = clone / "python"
        script.write_text(python)
        script.chmod(0o755)
        python = str(script)
    command = ["make", STAMP, f"PYTHON={python}"]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)


def test_an_old_python_is_told_before_anything_is_installed(clone: Path) -> None:
    done = make(clone, OLD)
    assert done.returncode != 0
    assert "Coppice needs Python 3.11 or newer. This is 3.10.9: name another" in done.stderr
    assert "installing" not in done.stdout
    assert not (clone / ".venv").exists()


def test_what_venv_could_not_finish_is_not_taken_for_an_environment(clone: Path) -> None:
    done = make(clone, NO_ENSUREPIP)
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr
    assert not (clone / ".venv").exists()
    assert make(clone).returncode == 0


def test_an_environment_without_pip_is_made_anew(clone: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=clone, check=True)
    done = make(clone)
    assert (done.returncode, done.stderr) == (0, "")
    assert "half a minute" in done.stdout  # whoever waits is told for what
    assert (clone / STAMP).exists()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_what_is_installed_is_pinned_by_hash(name: str) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^ *#.*\n", "", (ROOT / name).read_text(), flags=re.MULTILINE))
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+(\[\w+\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def canonical(requirement: str) -> str:
    """The name in it, as https://packaging.python.org/specifications/name-normalization/ has it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def test_everything_that_is_asked_for_is_pinned() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for name, wanted in (
        ("requirements.txt", asked["project"]["dependencies"]),
        ("requirements-dev.txt", asked["dependency-groups"]["dev"]),
    ):
        pinned = {canonical(line) for line in (ROOT / name).read_text().splitlines() if line[:1].isalnum()}
        assert {canonical(each) for each in wanted} <= pinned
