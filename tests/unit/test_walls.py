"""The files at the root keep to their rooms too; import-linter reads packages only."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"adapters", "api", "branches", "deprovisioning", "local", "loop", "provisioning", "scheduler"}
ROOMS |= {"webhook", "function_power", "responses"}
ROOMS |= {"composition", "function_app", "reconcile", "settings"}
MAY_IMPORT = {
    "reconcile": {"loop", "branches", "provisioning", "deprovisioning"},
    "function_app": {"api", "branches", "composition", "function_power", "reconcile", "responses", "webhook"},
    "function_power": {"api", "composition", "loop", "responses", "scheduler"},
    "responses": {"api", "loop"},
}


def imported(module: str) -> set[str]:
    tree = ast.parse((ROOT / f"{module}.py").read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("module", sorted(MAY_IMPORT))
def test_a_file_at_the_root_imports_no_room_that_it_must_not_know(module: str) -> None:
    assert imported(module) & ROOMS <= MAY_IMPORT[module]


def test_nothing_that_decides_reads_the_environment_or_the_clock() -> None:
    pure = [
        *(
            ROOT / room
            for room in ("loop", "branches", "provisioning", "deprovisioning", "scheduler", "webhook")
        )
    ]
    sources = [file for room in pure for file in room.rglob("*.py")] + [ROOT / "app/reconciler.py"]
    offenders = [
        f"{file.relative_to(ROOT)}: {word}"
        for file in sources
        for word in (
            r"os\.environ",
            r"getenv\(",
            r"datetime\.now\(",
            r"utcnow\(",
            r"time\.time\(",
            r"\bsleep\(",
        )
        if re.search(word, file.read_text())
    ]
    assert offenders == []
