"""Builds a program whose branches get databases, and a database of somebody else."""

from typing import Any

from coppice.components.database import Database
from tests.support.config import SERVER
from tests.support.program import Program


def with_databases(**changes: Any) -> Program:
    return Program().with_rules(databases=SERVER, **changes)


def theirs(name: str) -> Database:
    return Database(name=name, oid=7, role=8, owner=None, login="", finished=False)
