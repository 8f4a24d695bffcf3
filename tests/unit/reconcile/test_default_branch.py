"""Tests that the default branch has no environment.

A branch that becomes the default branch loses the environment that it had.
"""

import json

import pytest

from coppice.reconciler.errors import Unreachable
from tests.support.config import namespace_of
from tests.support.program import Program


def become_default(program: Program, branch: str) -> None:
    """Make a branch the repository's default branch."""
    program.world.default_branch = branch
    if program.world.heads.get("main") == "0" * 40:  # the default branch of a new program
        program.delete_branch("main")


def test_a_branch_that_becomes_the_default_one_loses_its_environment() -> None:
    program = Program()
    program.stand("x")
    become_default(program, "x")

    found = program.sweep()
    program.drain()

    assert [each.why for each in found.remove] == [
        "it is the repository's default branch now, which never has an environment"
    ]
    assert (program.world.namespaces, program.world.records) == ({}, {})
    assert program.world.every_credential() == ()
    assert program.sweep().keys == ()


def test_it_can_be_asked_for_too() -> None:
    program = Program()
    program.stand("x")
    become_default(program, "x")

    answer = program.ask("x", "hold")
    program.drain()

    assert answer.status == 202
    assert "never gets an environment" in json.dumps(answer.body)
    assert program.world.namespaces == {}
    assert program.world.requests == {}


@pytest.mark.parametrize("twin", ["main", "feature/main"])
def test_the_environment_of_the_branch_that_has_the_same_names_stays(twin: str) -> None:
    default = {"main": "feature/main", "feature/main": "main"}[twin]
    program = Program()
    program.push("trunk")
    become_default(program, "trunk")
    program.stand(twin)
    program.push(default)
    become_default(program, default)
    program.delete_branch("trunk")
    program.tell(default)

    reports = program.drain()
    program.sweep()
    program.drain()

    assert reports[-1].outcome.code == "done"
    assert set(program.world.namespaces) == {namespace_of(twin)}


def test_a_default_branch_that_cannot_be_told_removes_nothing() -> None:
    program = Program()
    program.stand("x")
    become_default(program, "x")

    def unreachable(what: str) -> None:
        if what == "read repository":
            raise Unreachable("reset")

    program.world.before = unreachable
    program.sweep()
    program.tell("x")

    assert program.drain()[-1].outcome.code == "unknown"
    assert set(program.world.namespaces) == {namespace_of("x")}
