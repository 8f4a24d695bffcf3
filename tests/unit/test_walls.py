"""The files at the root keep to their rooms too; import-linter reads packages only."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"adapters", "app", "coppice", "deprovisioning", "devtools", "provisioning", "scheduler"}


def imported(module: str) -> set[str]:
    tree = ast.parse((ROOT / f"{module}.py").read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_app_of_functions_imports_the_app_and_the_core_alone() -> None:
    assert imported("function_app") & ROOMS <= {"app", "coppice"}


def test_nothing_that_decides_reads_the_environment_or_the_clock() -> None:
    pure = [ROOT / room for room in ("coppice", "provisioning", "deprovisioning", "scheduler")]
    pure += [ROOT / "app" / room for room in ("http", "webhook")]
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
