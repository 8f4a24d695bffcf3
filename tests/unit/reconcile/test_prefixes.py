"""Tests of changed prefixes: resources with a former prefix are still found and are not reported as gone."""

from dataclasses import replace

from tests.support.config import CONFIG
from tests.support.program import Program
from tests.unit.reconcile.databases import with_databases


def with_prefix(program: Program, **prefix: str) -> Program:
    """Return the program with another prefix, which makes every overlay due."""
    prefixes = replace(CONFIG.prefixes, **prefix)
    return program.with_rules(prefixes=prefixes, digest="another prefix")


def test_an_environment_keeps_the_database_that_it_has() -> None:
    program = with_databases()
    program.stand("x")
    before = program.world.databases["feature_x"]
    program = with_prefix(program, database="branch_")

    program.sweep()
    program.drain()
    program.stand("y")

    assert program.world.databases["feature_x"].oid == before.oid
    assert set(program.world.databases) == {"feature_x", "branch_y"}
    assert program.world.records["feature-x"].database == "feature_x"


def test_its_database_goes_with_it() -> None:
    program = with_databases()
    program.stand("x")
    program = with_prefix(program, database="branch_")
    program.delete_branch("x")

    program.sweep()
    program.drain()

    assert (program.world.databases, program.world.records) == ({}, {})


def test_one_whose_record_was_lost_is_listed_and_nothing_happens_to_it() -> None:
    program = with_databases()
    program.stand("x")
    program.world.records.clear()
    program = with_prefix(program, database="branch_")
    program.delete_branch("x")

    program.sweep()
    program.drain()

    assert set(program.world.databases) == {"feature_x"}
    assert program.reconciler.sweep(most_deletions=5)[1] == ("database/feature_x of branch 'x'",)


def test_what_stands_under_a_former_prefix_of_namespaces_is_listed_and_nothing_happens_to_it() -> None:
    program = Program()
    program.stand("x")
    program = with_prefix(program, namespace="branch-")
    program.delete_branch("x")
    writes = len(program.world.calls)

    _, orphans = program.reconciler.sweep(most_deletions=5)

    assert program.world.writes(since=writes) == []
    assert orphans == ("namespace/feature-x of branch 'x'", "record/feature-x of branch 'x'")
