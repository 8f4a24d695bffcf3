"""Tests that only a database that is provably the branch's is dropped with its environment."""

from dataclasses import replace

from coppice.reconciler.errors import Forbidden
from coppice.reconciler.outcome import Done, Stalled
from tests.support.config import SERVER
from tests.support.program import Program
from tests.unit.reconcile.databases import theirs, with_databases


def test_a_database_that_is_not_ours_stays_when_the_branch_goes_and_keeps_nothing_else() -> None:
    program = Program()
    program.stand("x")
    program = program.with_rules(databases=SERVER)
    program.world.databases["feature_x"] = theirs("feature_x")
    program.delete_branch("x")
    program.tell("x")

    reports = program.drain()

    assert isinstance(reports[-1].outcome, Done)
    assert program.world.databases["feature_x"] == theirs("feature_x")
    assert not program.world.records
    assert not program.world.namespaces


def test_a_database_that_was_made_for_the_branch_and_is_no_longer_marked_so_is_left_to_a_person() -> None:
    program = with_databases()
    program.stand("x")
    program.world.databases["feature_x"] = theirs("feature_x")
    program.delete_branch("x")
    program.tell("x")

    reports = program.drain()

    assert isinstance(reports[-1].outcome, Stalled)
    assert program.world.databases["feature_x"] == theirs("feature_x")
    assert "feature-x" in program.world.records


def test_the_receipt_tells_of_the_database_and_of_the_sessions_that_were_ended() -> None:
    program = with_databases()
    program.stand("x")
    program.world.databases["feature_x"] = replace(program.world.databases["feature_x"], sessions=30)
    program.delete_branch("x")
    program.tell("x")

    reports = program.drain()

    changes = [str(result) for report in reports for result in report.results]
    assert "drop database/feature_x: 30 sessions were ended" in changes
    receipt = reports[-1].facts["receipt"]
    assert isinstance(receipt, dict)
    assert receipt["database/feature_x"] == "deleted"


def test_the_sweep_finds_a_database_that_is_ours_and_nobodys() -> None:
    program = with_databases()
    program.stand("x")
    left = program.world.databases["feature_x"]
    program.delete_branch("x")
    program.tell("x")
    program.drain()
    program.world.databases["feature_x"] = left

    program.sweep()
    program.drain()

    assert program.world.databases == {}


def test_a_removal_that_the_server_forbids_is_not_called_done() -> None:
    program = with_databases()
    program.stand("x")
    program.delete_branch("x")

    def forbidden(what: str) -> None:
        if what.startswith("drop"):
            raise Forbidden("must be owner of database feature_x")

    program.world.before = forbidden
    program.tell("x")
    reports = program.drain()

    assert isinstance(reports[-1].outcome, Stalled)
    assert "feature-x" in program.world.records


def test_a_server_that_is_no_longer_set_keeps_the_record_of_the_database_it_holds() -> None:
    program = with_databases()
    program.stand("x")
    program = program.with_rules(databases=None)
    program.delete_branch("x")
    program.tell("x")

    reports = program.drain()

    assert isinstance(reports[-1].outcome, Stalled)
    assert "POSTGRES_SERVER_URL" in reports[-1].outcome.why
    assert program.world.namespaces == {}
    assert program.world.records["feature-x"].database == "feature_x"
