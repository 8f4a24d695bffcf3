import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROOMS = ("coppice", "provisioning", "deprovisioning", "app/reconciler.py")
OPERATIONS = (ROOT / "docs" / "reference" / "status-and-codes.md").read_text()
POSITION = {"Wait": 1, "Blocked": 1, "Waiting": 1, "Stalled": 1}  # of the code among the arguments


def trees() -> list[ast.Module]:
    files = [file for room in ROOMS for file in (sorted((ROOT / room).rglob("*.py")) or [ROOT / room])]
    return [ast.parse(file.read_text()) for file in files]


def constants() -> dict[str, str]:
    """Every name that stands for a string at the top of a file."""
    return {
        ast.unparse(node.targets[0]): node.value.value
        for tree in trees()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str)
    }


def codes() -> Iterator[str]:
    """The codes of barriers and outcomes, and those that the errors of the reconciler have."""
    known = constants()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in POSITION and len(node.args) > 1:
                code = node.args[POSITION[ast.unparse(node.func)]]
                if isinstance(code, ast.Constant):
                    yield str(code.value)
                elif ast.unparse(code) in known:
                    yield known[ast.unparse(code)]
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if ast.unparse(target) == "code":
                    yield str(node.value.value)


def test_every_code_that_a_run_can_end_with_is_explained_and_no_other() -> None:
    explained = re.findall(r"^\| `(\w+)` \| (?:Done|Waiting|Stalled)", OPERATIONS, flags=re.MULTILINE)
    assert len(explained) == len(set(explained))
    assert set(explained) == set(codes())


def test_every_code_of_the_scheduler_is_explained_and_no_other() -> None:
    page = (ROOT / "docs" / "reference" / "schedule-file.md").read_text().partition("\n## Codes\n")[2]
    explained = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    assert len(explained) == len(set(explained))
    trees = [ast.parse(file.read_text()) for file in sorted((ROOT / "scheduler").glob("*.py"))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    given = {
        node.args[1].value
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func) in POSITION and len(node.args) > 1
        if isinstance(node.args[1], ast.Constant)
    }
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert given
    assert given <= set(explained) <= texts | set(codes())
