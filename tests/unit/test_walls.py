"""The files at the root keep to their rooms too; import-linter reads packages only."""

import ast
import re
from pathlib import Path

import pytest

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


def deployed() -> list[Path]:
    rooms = [ROOT / room for room in sorted(ROOMS - {"devtools"})]
    return [ROOT / "function_app.py", *(file for room in rooms for file in sorted(room.rglob("*.py")))]


@pytest.mark.parametrize(
    ("word", "home"),
    [
        (r"getLogger\(\"coppice|getLogger\(__name__", None),
        (r"getLogger\(name", "coppice/reconciler/correlation.py"),
        (r"datetime\.fromisoformat|strptime", "coppice/reconciler/times.py"),
    ],
    ids=["every line bears the correlation ID", "so there is one way to a logger", "one way to read a time"],
)
def test_some_things_are_done_in_one_place(word: str, home: str | None) -> None:
    found = {str(file.relative_to(ROOT)) for file in deployed() if re.search(word, file.read_text())}
    assert found == ({home} if home else set())


def sent(node: ast.AST) -> set[str]:
    """The methods of the Kubernetes client that code calls."""
    return {
        each.func.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and ast.unparse(each.func.value) in {"api", "self._api"}
    }


def test_what_reads_from_the_cluster_sends_nothing_but_reads() -> None:
    modules = {
        file.stem: ast.parse(file.read_text()) for file in (ROOT / "adapters/kubernetes").rglob("*.py")
    }
    readers = {
        node.name: sent(node)
        for tree in modules.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and re.search("Reader|Getter|Status|Node|Discovery", node.name)
    }

    assert {"ApplicationReaderAdapter", "NamespaceReaderAdapter", "ObjectGetter", "NodeAdapter"} <= set(
        readers
    )
    assert {name: calls for name, calls in readers.items() if calls - {"get", "items"}} == {}
    dry_runs = {name for name, tree in modules.items() if "merge_dry_run" in sent(tree)}
    assert dry_runs == {"secret_probe"}
