"""What is sent to a server is composed by `psycopg.sql`; nothing is formatted into it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).resolve().parents[4] / "adapters" / "postgres").glob("*.py"))
WORDS = ("SELECT ", "CREATE ", "ALTER ", "DROP ", "GRANT ", "REVOKE ", "COMMENT ON")


def formatted(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="execute" | "execute_alone" | "SQL"), args=statements):
                plain = (ast.Name, ast.Constant, ast.Call, ast.Starred)
                if not all(isinstance(each, plain) for each in statements):
                    yield node.lineno
            case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str(text))):
                if text.startswith(WORDS):
                    yield node.lineno
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                if text.startswith(WORDS):
                    yield node.lineno


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_statement_is_formatted(file: Path) -> None:
    assert list(formatted(ast.parse(file.read_text()))) == []


@pytest.mark.parametrize(
    "statement",
    [
        's.execute(x, f"DROP ROLE {x}")',
        's.execute("DROP ROLE " + x)',
        'sql.SQL(f"{x}")',
        'y = "DROP %s" % x',
        's.execute(*(f"DROP ROLE {x}",))',
    ],
)
def test_one_that_was_would_be_found(statement: str) -> None:
    assert set(formatted(ast.parse(statement))) == {1}
