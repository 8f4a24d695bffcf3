"""What is deployed: `make package` and Core Tools leave out what .funcignore names."""

import fnmatch
import re
import subprocess
from pathlib import Path

from adapters.kustomize.build import find
from adapters.kustomize.process import Program

ROOT = Path(__file__).parents[2]
LEFT_OUT = (ROOT / ".funcignore").read_text().splitlines()
UNTRACKED = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
SHIPPED = {
    *("LICENSE", "function_app.py", "host.json", "requirements.txt"),
    *("adapters", "app", "coppice", "deprovisioning", "fence", "provisioning", "scheduler"),
}


def tracked() -> set[str]:
    """The files and folders at the root, as Git has them."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {path.split("/")[0] for path in listed.split("\0") if path}


def left_out(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in LEFT_OUT)


def test_the_program_is_deployed_and_nothing_else() -> None:
    assert {name for name in tracked() if not left_out(name)} - {"schedule.yaml"} == SHIPPED


def test_what_a_working_folder_holds_beside_it_stays_there() -> None:
    assert [name for name in UNTRACKED if not left_out(name)] == ["bin"]  # kustomize goes along


def test_the_program_that_builds_overlays_goes_along(tmp_path: Path) -> None:
    (packed,) = re.findall(r"--add-file=(\S+)", (ROOT / "Makefile").read_text())
    (tmp_path / "bin").mkdir()
    (tmp_path / packed).touch(mode=0o755)
    assert find(tmp_path) == Program((str(tmp_path / packed),), waits=True)


def test_every_line_leaves_something_out() -> None:
    names = {*tracked(), *UNTRACKED, ".git"}
    assert [line for line in LEFT_OUT if not fnmatch.filter(names, line)] == []
