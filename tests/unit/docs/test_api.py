import ast
import re
from pathlib import Path

import function_app

ROOT = Path(__file__).parents[3]
API = (ROOT / "docs" / "reference" / "http-api.md").read_text()


def test_every_route_has_its_section_and_every_section_its_route() -> None:
    served = set()
    for function in function_app.app.get_functions():
        for binding in (each.get_dict_repr() for each in function.get_bindings()):
            if binding["type"] == "httpTrigger":
                served |= {
                    (method.value, "/api/" + binding["route"].replace("*", ""))
                    for method in binding["methods"]
                }
    told = {
        (method, path)
        for methods, path in re.findall(r"^## ([A-Z, ]+) (/api/\S+)$", API, flags=re.MULTILINE)
        for method in methods.split(", ")
    }
    assert told == served


def test_every_error_of_the_api_is_in_its_table_and_no_other() -> None:
    told = {
        (int(status), code)
        for status, code in re.findall(r"^\| (\d+) \| `(\w+)` \|", API, flags=re.MULTILINE)
    }
    files = [
        file
        for glob in ("app/http/*.py", "app/webhook/*.py", "app/*.py", "function_app.py")
        for file in ROOT.glob(glob)
    ]
    calls = [
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"error", "_error"}
        and len(node.args) == 3
    ]
    pairs = [(call.args[0], call.args[1]) for call in calls]
    assert told == {
        (status.value, code.value)
        for status, code in pairs
        if isinstance(status, ast.Constant) and isinstance(code, ast.Constant)
    }
