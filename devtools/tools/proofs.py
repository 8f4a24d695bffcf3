"""`python -m devtools.tools.proofs [part …]`: run the exhaustive tests, and resume an earlier run.

A part that has passed is not run again for the same source, so an interrupted run loses one part at most.
A name stands for all parts that begin with it: `faults` for `faults/update` and the others.
"""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

from devtools.bench.__main__ import FIGURES
from devtools.tools.binaries import ROOT

PASSED = ROOT / "build" / "proofs"  # a file for each state of the source; it contains part → seconds
_PYTEST = (sys.executable, "-m", "pytest", "-q", "-n", "2", "-o", "timeout=3600")
_CALLS, _STATEMENTS = "tests/chaos/faults/test_every_call.py", "tests/chaos/faults/test_every_statement.py"
_THOROUGH = "--hypothesis-profile=thorough"
_OPERATIONS = {
    "provisioning": "provisioning and not deprovisioning",
    "update": "update",
    "deprovisioning": "deprovisioning",
    "sweep": "sweep",
}

PARTS: dict[str, tuple[str, ...]] = {
    **{
        f"faults/{name}": (*_PYTEST, "-m", "exhaustive", "-k", which, _CALLS)
        for name, which in _OPERATIONS.items()
    },
    "faults/statements": (*_PYTEST, "-m", "exhaustive", _STATEMENTS),
    "guard/fuzz": (*_PYTEST, "-m", "exhaustive", "tests/unit/provisioning/test_fuzz.py"),
    "guard/worst": (
        *_PYTEST,
        "-m",
        "exhaustive",
        "tests/unit/provisioning/admission/test_worst.py",
        "tests/unit/provisioning/admission/test_worst_archives.py",
    ),
    "histories/branches": (*_PYTEST, _THOROUGH, "tests/unit/reconcile/test_histories.py"),
    "histories/power": (*_PYTEST, _THOROUGH, "tests/unit/scheduler/test_histories.py"),
    "storm": (sys.executable, "-m", "tests.chaos.storm"),
    **{f"bench/{name}": (sys.executable, "-m", "devtools.bench", name) for name in FIGURES},
}


def chosen(names: list[str]) -> list[str]:
    """Return the parts that match names, in their order; all parts if there are no names.

    Args:
        names: names of parts, or prefixes of them.

    Returns:
        The parts.

    Raises:
        ValueError: A name matches no part.
    """
    for name in names:
        if not any(_stands_for(name, part) for part in PARTS):
            raise ValueError(f"there is no proof {name!r}; there are {', '.join(PARTS)}")
    return [part for part in PARTS if not names or any(_stands_for(name, part) for name in names)]


def source() -> str:
    """Return a digest of the source in the working tree, including uncommitted changes."""
    state = hashlib.sha256()
    for command in (["ls-files", "--stage"], ["diff"]):
        state.update(subprocess.run(["git", *command], cwd=ROOT, check=True, capture_output=True).stdout)
    return state.hexdigest()[:16]


def prove(parts: list[str], passed_in: Path) -> list[str]:
    """Run the parts that have not passed yet; their output goes to the terminal.

    Args:
        parts: the names of the parts.
        passed_in: the file that lists the parts that have passed, with their seconds; created if it is
            missing.

    Returns:
        The names of the parts that failed.
    """
    passed: dict[str, float] = json.loads(passed_in.read_text()) if passed_in.exists() else {}
    failed = []
    for part in parts:
        if part in passed:
            _say(f"{part}: passed before, in {passed[part]:.0f} s")
            continue
        _say(f"{part} …")
        began = time.monotonic()
        code = subprocess.run(PARTS[part], cwd=ROOT, check=False).returncode
        seconds = round(time.monotonic() - began, 1)
        if code:
            failed.append(part)
            _say(f"{part}: FAILED after {seconds:.0f} s")
            continue
        passed[part] = seconds
        passed_in.parent.mkdir(parents=True, exist_ok=True)
        passed_in.write_text(json.dumps(passed, indent=2))
        _say(f"{part}: passed in {seconds:.0f} s")
    return failed


def main(names: list[str]) -> int:
    """Run the exhaustive tests of the given parts.

    Args:
        names: the names of the parts; none means all.

    Returns:
        The exit code: 0 if all passed, 1 if one failed, 2 if a part does not exist.
    """
    try:
        parts = chosen(names)
    except ValueError as error:
        _say(str(error))
        return 2
    failed = prove(parts, PASSED / f"{source()}.json")
    _say(f"failed: {', '.join(failed)}" if failed else f"all {len(parts)} have passed")
    return 1 if failed else 0


def _stands_for(name: str, part: str) -> bool:
    return part == name or part.startswith(f"{name}/")


def _say(line: str) -> None:
    sys.stdout.write(f"proofs: {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
