"""A program whose branches get databases."""

from typing import Any

from branches.database import Database
from tests.fakes.program import Program
from tests.fakes.rules import SERVER


def with_databases(**changes: Any) -> Program:
    return Program().with_rules(databases=SERVER, **changes)


def theirs(name: str) -> Database:
    return Database(name=name, oid=7, role=8, owner=None, login="", finished=False)
